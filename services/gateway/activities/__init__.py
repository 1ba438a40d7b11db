"""The gateway's hands: the adapter over TCP, the spool, and the shell that carries effects out."""
