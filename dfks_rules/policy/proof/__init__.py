"""What policies mean for every request: proofs, and requests that refute them.

Every fact is cut into finitely many cells whose values no test tells apart; what is left is a
question of logic. A cell is known by real values, its representatives, and a test is always asked
by `Atom.holds`: automata and intervals only propose values, so they cannot make a test mean
something else.

    automata ← stepping ← determined ← beginnings ← texts ← addresses
                                 values of one fact, or of an address; numbers, moments: likewise
    shapes: the texts that a fact can be; cells: a few values of each kind

Belongs here: representatives of facts, formulas over them, and what decides these formulas.
Never here: a second meaning of a matcher; an answer that is only likely: what is not proved and not
refuted is `Undecided`, with the reason.
May import: deciding, reading, language, facts, site, words; model, errors. The server imports
nothing of it to start or to decide.
"""
