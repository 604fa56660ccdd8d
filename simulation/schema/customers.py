"""Customers: who they are, what is known about them elsewhere, who they know."""

import polars as pl

from simulation.schema.table import Column, Levels, Table, enumerated

KINDS = Levels("person", "business")
SEXES = Levels("female", "male")
GROUPS = Levels("majority", "minority")
MARITAL = Levels("single", "married", "divorced", "widowed")
EDUCATION = Levels("primary", "secondary", "vocational", "bachelor", "graduate")
OCCUPATIONS = Levels(
    "factory", "services", "delivery", "office", "teacher", "nurse", "engineer", "civil_servant", "trader", "farmer",
    "student", "retired", "owner",
)  # fmt: skip
EMPLOYMENT = Levels("employed", "self_employed", "unemployed", "studying", "retired")
HOUSING = Levels("rent", "own", "mortgage", "family")
JOINED_BY = Levels("app", "partner", "branch", "referral", "advert")
PROFILE_CHANGES = Levels("joined", "moved", "job_lost", "job_found", "household")
RELATIONS = Levels("referral", "emergency_contact", "household", "colleague", "transfer_friend")
LISTS = Levels("court_enforcement", "tax_arrears", "industry_blacklist")
PRODUCTS = Levels("current_account", "wealth_fund", "term_deposit", "health_insurance", "loan_insurance")
HOLDING_CHANGES = Levels("opened", "closed")

CUSTOMERS = Table(
    "customers",
    "A customer's profile: one row when they join and one for each change that they tell, whole every time.",
    ("customer_id", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        enumerated("change", PROFILE_CHANGES, "why this row was written"),
        enumerated("kind", KINDS, "person or small business"),
        Column("birth_date", pl.Date, "date of birth; of a business, its owner's"),
        enumerated("sex", SEXES, "protected"),
        enumerated("group", GROUPS, "protected: an ethnic group, known for fairness reports only"),
        Column("region", pl.UInt8, "0 to 9"),
        Column("city_tier", pl.UInt8, "1 (largest cities) to 4"),
        Column("postcode", pl.Int32, "region, tier and a place within them; where the proxy is on, it tells the group"),
        enumerated("marital", MARITAL, "marital status"),
        Column("children", pl.UInt8, "children at home"),
        enumerated("education", EDUCATION, "highest degree"),
        enumerated("occupation", OCCUPATIONS, "occupation; of a business, its owner's"),
        enumerated("employment", EMPLOYMENT, "whether they work"),
        enumerated("housing", HOUSING, "how they live"),
        Column("stated_income", pl.Float64, "income a month as the customer says"),
        Column("literacy_quiz", pl.UInt8, "points of 10 in the app's quiz on finance"),
        enumerated("joined_by", JOINED_BY, "how they came"),
        Column("consents_marketing", pl.Boolean, "may be contacted"),
        Column("business_months", pl.Int32, "age of the business; 0 for a person"),
        Column("business_staff", pl.Int32, "its employees; 0 for a person"),
    ),
)
BUREAU = Table(
    "bureau",
    "A credit bureau's answer to the enquiry that each application makes.",
    ("application_id",),
    (
        Column("application_id", pl.Int64, "the application that asked"),
        Column("customer_id", pl.Int64, "the customer"),
        Column("found", pl.Boolean, "the bureau has a file; without one the rest is missing"),
        Column("bureau_score", pl.Float64, "300 to 900, higher is safer"),
        Column("months_on_file", pl.Float64, "age of the oldest account"),
        Column("open_accounts", pl.Float64, "live accounts elsewhere"),
        Column("outside_debt", pl.Float64, "what is owed elsewhere"),
        Column("outside_instalments", pl.Float64, "what is due elsewhere a month"),
        Column("card_utilisation", pl.Float64, "share of card limits in use"),
        Column("enquiries_3m", pl.Float64, "enquiries of the last three months"),
        Column("enquiries_12m", pl.Float64, "enquiries of the last year"),
        Column("late_30_24m", pl.Float64, "times 30 days late in two years"),
        Column("late_90_24m", pl.Float64, "times 90 days late in two years"),
        Column("months_since_late", pl.Float64, "months since the last time late; missing: never"),
        Column("has_mortgage", pl.Float64, "1 with a mortgage"),
    ),
)
RELATIONS_TABLE = Table(
    "relations",
    "Who a customer is linked to, as far as the lender knows.",
    ("customer_id", "related_id", "relation"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        Column("related_id", pl.Int64, "another customer"),
        enumerated("relation", RELATIONS, "what links them"),
    ),
)
LISTINGS = Table(
    "listings",
    "Entries of public negative lists.",
    ("customer_id", "list", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "whom it names"),
        enumerated("list", LISTS, "whose list"),
        Column("amount", pl.Float64, "claim or arrears"),
        Column("lifted", pl.Boolean, "this row ends the entry"),
    ),
)
HOLDINGS = Table(
    "holdings",
    "Other products a customer opens and closes.",
    ("customer_id", "product", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        enumerated("product", PRODUCTS, "the product"),
        enumerated("change", HOLDING_CHANGES, "opened or closed"),
        Column("amount", pl.Float64, "paid in or premium a year"),
        Column("bundle_id", pl.Int64, "the bundle it was bought in; 0: alone"),
    ),
)
TABLES = (CUSTOMERS, BUREAU, RELATIONS_TABLE, LISTINGS, HOLDINGS)
