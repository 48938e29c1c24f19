"""The command line: arguments in, readable text or one JSON object out, exit codes 0 good, 1 false, 2 could not tell or bad usage."""
