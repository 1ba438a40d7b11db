"""Keeps the office's book: organizations, PBXs, people, departments, notices, scenarios, and who may do what.

It owns every entity that a person edits. Each change is one transaction with the facts that tell it to the
log; deciders never ask the book, they hear it. It is an edge: it decides nothing about calls.
"""
