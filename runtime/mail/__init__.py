"""Writing and sending e-mail, for every service.

`addresses` parses e-mail addresses; `headers` cleans, encodes and folds header values; `letter` joins a
letter's parts into bytes; `letter_templates` renders its two texts; `mailer` sends it by SMTP, and
`smtp_replies` is the table of what a server's reply means.
"""
