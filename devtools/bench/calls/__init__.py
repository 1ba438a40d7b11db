"""Calls on a real Asterisk, by SIP: the same phones and the same measure for our queue and for `app_queue`.

`sip` and `sip_phones` are the callers and the agents · `pbx` the Asterisk that both queues run on · `floor`
what people do there, with the times at which their phones saw it · `app_queue` and `product` the two sides ·
`processes` what counts as a side's memory and processor time · `table` the figures.
"""
