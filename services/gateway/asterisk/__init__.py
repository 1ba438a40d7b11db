"""The adapter to an Asterisk, by its REST interface (ARI); nothing here decides about customers.

Theory of operation. One WebSocket carries everything: Asterisk's events, our requests and their replies
(`client`). Its reader only hands over. `adapter` connects, and connects again; on every connection it finds
out what there is (`reconciliation`) before it tells an event or carries out a command. The commands of a leg
are carried out one after the other, those of different legs at once (`leg_queues`). All parts share the
`adapter_state`: the client, the legs, and `tell`. Every event of Asterisk is passed to every part.

Every id that we give carries a mark, and a channel is ours by its mark or because it is in our application:
what belongs to somebody else is never touched. A request dies with its socket, and the gateway repeats it:
all ids are ours, so it is carried out once.
"""
