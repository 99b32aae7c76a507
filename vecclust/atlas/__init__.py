"""Places on the globe, offline: time zones, towns and countries by name, and the outline of land.

Arrays in, arrays out, usable without a library. Zones are tzfpy's, towns GeoNames', names of countries the Unicode
CLDR's and outlines Natural Earth's: `NOTICES.md` says under which terms. A country is that of the zone, for zones end
at borders. Nothing is asked of anybody, and nothing is loaded before it is needed.
"""

from vecclust.atlas.land import land_outlines
from vecclust.atlas.towns import Town, country_name, town, towns_at
from vecclust.atlas.zones import countries_at, offsets_at, zone_at

VERSION = "1"
"""Of the data: what was found with another is found anew."""

__all__ = [
    "VERSION",
    "Town",
    "countries_at",
    "country_name",
    "land_outlines",
    "offsets_at",
    "town",
    "towns_at",
    "zone_at",
]
