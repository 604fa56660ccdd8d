"""From raw tables to feature tables: contracts, lake, transforms, profiles, permitted uses."""
