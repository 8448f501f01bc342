"""One script per simulator that scenv is compared with. Each runs in that simulator's own virtual environment, imports
nothing of ours, reads a JSON description from its standard input and writes rates, one JSON list, to its last line.
"""
