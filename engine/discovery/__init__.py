"""What this machine already knows of clouds: files of other tools, the environment, open ports.

Nothing here loads an SDK, sends a credential anywhere or writes a file. Secrets that were met stay
in `Candidate.secrets`, which no repr, screen or line of JSON shows.
"""
