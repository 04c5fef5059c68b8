"""Judging programs: what a program is, what its tests are, and how both meet.

    extract   the program in a solution text          values    plain data as exact-typed JSON
    suites    the tests in a gold text                caller    world A: runs the program
    compare   expected against given output           checker   world B: runs the data set's tests
    judges    stdin and call-based tests              asserts   how world B reads asserts
    replay    HumanEval and MBPP, between A and B     talk      what world B says to the program
    crew      many programs over many boxes           steady    what makes world B reproducible
    library   values of the library, in parts         things    objects that stay with the program
    sets      sets, in the order they have

All of the right column, `library` and `sets` also run inside the sandbox, sent there as text; they
import nothing but the standard library, numpy if there is some, and each other.
"""
