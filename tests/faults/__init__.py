"""Proof that nothing is lost: one small migration, played again for each of its requests.

`recorder`  every version ever written, who wrote and who removed it, and what was lost
`sides`     source and destination as the harness sees them: a scripted server, or a folder
`scenes`    the small runs
`troubles`  what goes wrong: another client's writes and deletes, lies of a server, kill -9
`play`      one scene with one trouble at its n-th request, and what must hold afterwards

`python -m tests.faults` plays everything and prints what came of it.
"""
