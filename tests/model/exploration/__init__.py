"""Routing and moves, explored: every state that three clusters and one app can reach.

    world     what there is: the directory, three clusters, a name server, what is late
    steps     what each part does next, by the product's own decisions
    faults    what may go wrong, and what may come at any time
    promises  what must hold in each state, and across each step
    search    all states, breadth first; the shortest way to one that breaks a promise

The decisions are the product's: `advance`, `records_of`, `supersedes`, `fulfils`,
`route` and `resolve`. Modelled is only what stands around them: which transaction
writes what, in which order a manager works, who acknowledges, what a crash forgets.
Time is not modelled: whatever may happen later may happen at any time, so a delay needs
no step of its own, nor does a crash of the directory, which has nothing to forget.
"""
