"""The web application through which people use Ringback: a backend for the browser without data of its own.

It calls the APIs of the directory and of history with the person's own access token, renders pages, and
keeps sessions.
"""
