"""Logos/Nomos protocol as pure functions and values: no sockets, no clocks.

Every public name says its type, its unit or range, and the rule of the protocol that it follows. Three words are used
throughout. A *field element* is an integer from 0 to ``field.MODULUS - 1``. A *unit of value* is the smallest amount of
the token; values are unsigned 64-bit integers. The *real node* is ``nomos-node`` at the revision that ``versions.env``
pins; "as in the real node" marks a rule that comes from this program.
"""
