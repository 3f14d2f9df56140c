"""The engine on a Ray cluster, for pictures that one machine cannot keep up with (docs/scaling.md).

`engine` is the bot's end and knows nothing of Ray. It speaks over pipes with `link`, a process that belongs to the
cluster. There `seat` keeps one painter after the other at work, `staff` sees how many there are to be, and `painter`
is the actor, which supervises the same caged process as on one machine.
"""
