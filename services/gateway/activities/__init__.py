"""The gateway's hands: the spool, the upload, and the shell that feeds the machine and does what it wants."""
