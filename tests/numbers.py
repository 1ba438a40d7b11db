"""Numbers that cost money, and ordinary ones: the corpus that every place that dials or texts is tried with.

Each bad number stands with the home region of the organization that is asked for it, the reason for which it
is refused, and why somebody would try it. Invented, as far as its range allows.
"""

from typing import Final, NamedTuple

from contracts.dialling import Refusal

INVALID, REGION, PREMIUM = Refusal.INVALID, Refusal.REGION, Refusal.PREMIUM
SATELLITE, NOT_ORDINARY, EMERGENCY = Refusal.SATELLITE, Refusal.NOT_ORDINARY, Refusal.EMERGENCY


class Bad(NamedTuple):
    """One number that is never dialled or texted for an organization of this home region."""

    number: str
    reason: Refusal
    why: str
    home: str = "RU"


BAD: Final = (
    # +7 is more than one country, and more than one price.
    Bad("+79401234567", REGION, "Abkhazia's mobiles"),
    Bad("+78401234567", REGION, "Abkhazia's lines"),
    Bad("+78501234567", INVALID, "South Ossetia, which the tables do not know"),
    Bad("+77011234567", REGION, "Kazakhstan's mobiles"),
    Bad("+77172123456", REGION, "Kazakhstan's lines"),
    Bad("+73362221234", REGION, "Baikonur"),
    Bad("+76001234567", INVALID, "a zone of Kazakhstan that is not opened"),
    Bad("+79541234567", SATELLITE, "GlobalTel's satellite phones"),
    Bad("+78081234567", NOT_ORDINARY, "personal numbers"),
    Bad("+78091234567", PREMIUM, "premium rate"),
    Bad("+78031234567", PREMIUM, "televoting"),
    Bad("+78021234567", INVALID, "calling cards"),
    Bad("+78051234567", INVALID, "calling cards"),
    # North America: one code, twenty-five countries.
    Bad("+12684641234", REGION, "Antigua: the country of the one-ring fraud"),
    Bad("+18092345678", REGION, "Dominican Republic"),
    Bad("+18762345678", REGION, "Jamaica", "US"),
    Bad("+12842291234", REGION, "British Virgin Islands", "US"),
    Bad("+14732691234", REGION, "Grenada", "US"),
    Bad("+16492311234", REGION, "Turks and Caicos", "US"),
    Bad("+17872345678", REGION, "Puerto Rico is a region of its own", "US"),
    Bad("+19002345678", PREMIUM, "900", "US"),
    Bad("+12129761234", PREMIUM, "976 is pay-per-call in any area code", "US"),
    Bad("+12125551212", PREMIUM, "directory enquiries", "US"),
    Bad("+15002345678", NOT_ORDINARY, "follow-me", "US"),
    Bad("+15212345678", NOT_ORDINARY, "follow-me", "US"),
    Bad("+15222345678", NOT_ORDINARY, "follow-me", "US"),
    Bad("+15332345678", NOT_ORDINARY, "follow-me", "US"),
    Bad("+15882345678", NOT_ORDINARY, "follow-me", "US"),
    Bad("+17002345678", INVALID, "each carrier's own numbers", "US"),
    Bad("+17102345678", INVALID, "the government's emergency service", "US"),
    Bad("+16002345678", NOT_ORDINARY, "Canada's non-geographic numbers", "CA"),
    Bad("+16222345678", NOT_ORDINARY, "Canada's personal numbers", "CA"),
    # Great Britain and its neighbours in the same code.
    Bad("+447012345678", NOT_ORDINARY, "personal numbers: they look like mobiles", "GB"),
    Bad("+447640123456", NOT_ORDINARY, "pagers", "GB"),
    Bad("+447797712345", REGION, "Jersey's mobiles", "GB"),
    Bad("+447781123456", REGION, "Guernsey's mobiles", "GB"),
    Bad("+447624123456", REGION, "Man's mobiles", "GB"),
    Bad("+441534123456", REGION, "Jersey's lines", "GB"),
    Bad("+448431234567", PREMIUM, "service numbers", "GB"),
    Bad("+448701234567", PREMIUM, "service numbers", "GB"),
    Bad("+449098765432", PREMIUM, "premium rate", "GB"),
    # Others that share a code, or sell a type of their own.
    Bad("+390669812345", REGION, "the Vatican", "IT"),
    Bad("+39199123456", NOT_ORDINARY, "personal numbers", "IT"),
    Bad("+39899123456", PREMIUM, "premium rate", "IT"),
    Bad("+4970012345678", NOT_ORDINARY, "personal numbers", "DE"),
    Bad("+499001234567", PREMIUM, "premium rate", "DE"),
    Bad("+491371234567", PREMIUM, "televoting", "DE"),
    Bad("+4918012345", PREMIUM, "shared cost", "DE"),
    Bad("+33892123456", PREMIUM, "premium rate", "FR"),
    Bad("+41740123456", NOT_ORDINARY, "pagers", "CH"),
    Bad("+611900123456", PREMIUM, "premium rate", "AU"),
    Bad("+611300123456", PREMIUM, "shared cost", "AU"),
    Bad("+61147123456", SATELLITE, "satellite phones that the tables call VoIP", "AU"),
    Bad("+903922345678", REGION, "Northern Cyprus, lines", "TR"),
    Bad("+905338123456", REGION, "Northern Cyprus, mobiles", "TR"),
    Bad("+4779123456", REGION, "Svalbard", "NO"),
    # Numbers of no country.
    Bad("+870773111632", SATELLITE, "Inmarsat"),
    Bad("+881612345678", SATELLITE, "Iridium"),
    Bad("+88213123456", SATELLITE, "EMSAT"),
    Bad("+8821612345678", SATELLITE, "Thuraya"),
    Bad("+882341234567", INVALID, "international networks"),
    Bad("+883510012345", REGION, "international networks"),
    Bad("+888123456789", INVALID, "disaster relief, withdrawn"),
    Bad("+979123456789", REGION, "the world's premium rate"),
    Bad("+80812345678", REGION, "the world's shared cost"),
    Bad("+87812345678912", INVALID, "the world's personal numbers"),
    Bad("+24762889", REGION, "Ascension"),
    Bad("+29022222", REGION, "Saint Helena"),
    Bad("+96912345678", INVALID, "a code that no country has"),
    Bad("+21012345678", INVALID, "a code that no country has"),
    Bad("+99912345678", INVALID, "a code that no country has"),
    # Expensive where fraud lives.
    Bad("+25261234567", REGION, "Somalia"),
    Bad("+5352123456", REGION, "Cuba"),
    Bad("+37121234567", REGION, "Latvia"),
    Bad("+2392212345", REGION, "São Tomé"),
    Bad("+9607712345", REGION, "Maldives"),
    Bad("+41782345678", REGION, "an ordinary mobile, of another country"),
    # What a parser would drop or translate.
    Bad("*100#", INVALID, "a service code"),
    Bad("*21*+79001234567#", INVALID, "call forwarding by a service code"),
    Bad("##002#", INVALID, "a service code"),
    Bad("+74951234567;ext=5", INVALID, "an extension"),
    Bad("tel:+74951234567;phone-context=+1", INVALID, "another context than it shows"),
    Bad("+7495FLOWERS", INVALID, "letters"),
    Bad("+74951234567x12684641234", INVALID, "a second number as an extension"),
    Bad("+74951234567,,+12684641234", INVALID, "a second number after a pause"),
    Bad("+74951234567/68", INVALID, "two numbers in one"),
    Bad("+74951234567\n+12684641234", INVALID, "a second line"),
    Bad("＋７４９５１２３４５６７", INVALID, "digits that only look like ours"),  # on purpose
    Bad("+7495123456789012345", INVALID, "too long"),
    Bad("9" * 64, INVALID, "far too long"),
    # How people would dial abroad from here.
    Bad("81012684641234", REGION, "8 10 and Antigua"),
    Bad("0012684641234", INVALID, "00 and Antigua"),
    Bad("01112684641234", REGION, "011 and Antigua", "US"),
    Bad("+0074951234567", INVALID, "a plus before 00"),
    Bad("+7084951234567", INVALID, "a zero too many"),
    Bad("12345", INVALID, "a short code"),
    Bad("0611", INVALID, "an operator's service"),
    Bad("112", EMERGENCY, "nobody calls them for a joke"),
    Bad("+112", EMERGENCY, "the same, behind a plus"),
    Bad("911", EMERGENCY, "everywhere", "US"),
)

GOOD: Final = (
    ("+79161234567", "RU"),
    ("+79261234567", "RU"),
    ("+79781234567", "RU"),
    ("+79031234567", "RU"),
    ("+74957654321", "RU"),
    ("+78121234567", "RU"),
    ("+73432123456", "RU"),
    ("+78002000600", "RU"),
    ("+77011234567", "KZ"),
    ("+12125551234", "US"),
    ("+18002345678", "US"),
    ("+442079460123", "GB"),
    ("+447400123456", "GB"),
    ("+443001234567", "GB"),
    ("+445612345678", "GB"),
    ("+4915123456789", "DE"),
    ("+4930901820", "DE"),
    ("+393491234567", "IT"),
    ("+33612345678", "FR"),
    ("+905321234567", "TR"),
    ("+61412345678", "AU"),
)
"""What customers and employees have; the second is the organization's home region."""

GOOD_MOBILES: Final = tuple(
    (number, home)
    for number, home in GOOD
    if number.startswith(("+79", "+77", "+447", "+4915", "+393", "+336", "+9053", "+614", "+1212"))
)
"""Those of them that can be sent a text."""
