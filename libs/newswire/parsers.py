"""The parsers by the names that `outlets.toml` gives them."""

from collections.abc import Mapping

from libs.newswire import announcements, broadcast, flashes, government
from libs.newswire.items import ParseArticle, ParseList

LISTS: Mapping[str, ParseList] = {
    "csrc_list": government.csrc_list,
    "pbc_list": government.pbc_list,
    "ndrc_list": government.ndrc_list,
    "state_council_list": government.state_council_list,
    "cctv_list": broadcast.cctv_list,
    "eastmoney_flash": flashes.eastmoney_flash,
    "cls_flash": flashes.cls_flash,
    "sina_flash": flashes.sina_flash,
    "stock_news": flashes.stock_news,
    "eastmoney_notices": announcements.eastmoney_notices,
    "cninfo_announcements": announcements.cninfo_announcements,
}
ARTICLES: Mapping[str, ParseArticle] = {
    "csrc_article": government.csrc_article,
    "pbc_article": government.pbc_article,
    "ndrc_article": government.ndrc_article,
    "state_council_article": government.state_council_article,
    "cctv_article": broadcast.cctv_article,
}
