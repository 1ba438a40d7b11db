"""The gateway's I/O: one runner per PBX that carries out its effects, the spool, and the upload to S3."""
