"""The command lines, one a file: each is the options of one command and the call that they come to."""
