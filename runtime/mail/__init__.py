"""Letters, whoever writes them: addresses, what a letter is made of, and handing it to a mail server.

`addresses` is what an e-mail address is; `headers` cleans, encodes and folds what stands in a header;
`letter` joins a letter's parts into bytes; `pages` renders its two texts; `mailer` hands it over by SMTP,
and `answers` is the table of what a server's answer means.
"""
