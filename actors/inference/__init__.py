"""The inference service: one process holds the policy and acts for the actors of its node, which need no torch.

Start reading at `actors.inference.channel` (what actor and service share), then `actors.inference.client` with
`actors.inference.recorder` (the actor's side) and `actors.inference.server` (the service's). `actors.inference.actor`
and `actors.inference.service` are the two as Ray actors.
"""
