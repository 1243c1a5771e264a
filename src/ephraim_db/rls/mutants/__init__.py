"""Break the database one thing at a time, and see whether anybody notices.

Targets (policies, triggers, functions, grants) --break_everything--> Mutants
    --judging--> by the contract: in savepoints, only what a mutant can affect is probed again
    --commanding--> by a command: each in a database of its own, cloned from a template
"""
