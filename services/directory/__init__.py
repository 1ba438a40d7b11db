"""Keeps what people edit: organizations, PBXs, employees, departments, notices, scenarios, rights.

Each change is one transaction with the facts that tell it to the log; deciders never ask the directory, they
hear its facts. It is an edge: it decides nothing about calls.
"""
