"""The command line: typer commands of about ten lines each, one file per group.

A command parses, calls one verb of the library or asks the daemon that keeps it, and shows what came back. It decides
nothing else. The file of a group holds its commands, the tables people read and the keys of the documents scripts read;
it is imported when one of its commands is run.
"""
