"""What does not change about a person, drawn from their id alone."""

from dataclasses import dataclass

from simulation.columns import Array, Columns, Flags, Ints, Words

NEVER = 2_147_483_647
"""A day that does not come."""


@dataclass
class People(Columns):
    """Traits that stay. Codes are places in the levels of `schema.customers`; latent traits are standard normal."""

    id: Ints
    joined: Ints  # day; before the start: was there already
    birth: Ints  # day
    kind: Array
    sex: Array
    group: Array
    region: Array
    tier: Array
    postcode: Array
    marital: Array
    children: Array
    education: Array
    occupation: Array
    housing: Array
    joined_by: Array
    consents: Flags
    business_months: Array  # at joining
    business_staff: Array
    ability: Array
    willingness: Array
    literacy: Array
    impulsivity: Array
    reach: Array
    digital: Array
    taste_shop: Array
    taste_health: Array
    taste_study: Array
    income_cents: Ints  # a month, unshocked, at the start
    payday: Array  # of the month
    diverts: Flags
    shifted: Flags
    device_seed: Words  # equal seeds share devices, addresses, payees: households and rings do
    address_seed: Words
    payee_seed: Words
    pattern: Array  # code of `schema.truth.FRAUDS`
    ring: Ints  # 0: none
    strikes: Ints  # day on which the fraud begins
    stops: Ints  # day from which nothing is repaid
    friends: Array  # ids of those whom they send money to, FRIENDS each; 0: nobody
