"""The framework's programs. They import nothing heavy before a command runs, so that ``--help`` answers at once."""
