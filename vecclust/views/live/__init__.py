"""The pages of `vecclust ui`: the gallery and the map of `views.pages` with links that lead on, forms and a script.

Whole without the script but for what only a script can do (a dropped picture, watching a fit come on). Names of files
and clusters are text, never markup. Refuses to know HTTP: it gives text, addresses are paths of this one server.
"""

from vecclust.views.live.pages import FitView, LivePages, live_assets, map_sheet
from vecclust.views.pages.gallery import PHOTOS_ON_A_PAGE
from vecclust.views.pages.map import seen_in_order

__all__ = ["PHOTOS_ON_A_PAGE", "FitView", "LivePages", "live_assets", "map_sheet", "seen_in_order"]
