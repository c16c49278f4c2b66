"""Area codes that share one area of the North American Numbering Plan.

An overlay serves the whole area of the codes that it is laid over, so it lies in all their time zones,
whatever the numbers given out so far say. Groups: the numbering plan areas with several codes, state by state
(North American Numbering Plan Administrator, nanpa.com: NPA database, relief planning letters); then those of
Canada (cnac.ca) and the Caribbean. The first of a group is the code that was there before; a code may stand
in several groups.
"""

from __future__ import annotations

from collections.abc import Mapping

_GROUPS = """
205 659 | 256 938
602 480 623
870 327
209 350 | 213 323 738 | 310 424 | 408 669 | 415 628 | 510 341 | 619 858 | 714 657 | 707 369 | 818 747
760 442 | 805 820 | 909 840 | 916 279 | 530 837 | 559 357
303 720 983 | 970 748
203 475 | 860 959
202 771
305 786 645 | 407 321 689 | 561 728 | 954 754 | 813 656 | 850 448 | 904 324
404 470 678 943 | 770 470 678 943 | 706 762
208 986
217 447 | 309 861 | 312 773 872 | 618 730 | 630 331 | 708 464 | 815 779 | 847 224
317 463 | 812 930
270 364
318 457
301 240 227 | 410 443 667
617 857 | 508 774 | 781 339 | 978 351
248 947 | 313 679
507 924
601 769 | 662 471
314 557 | 573 235 | 816 975
402 531
702 725
201 551 | 732 848 | 973 862 | 609 640
212 646 332 917 | 718 347 929 917 465 | 516 363 | 631 934 | 845 329 | 315 680 | 518 838 | 716 624
704 980 | 919 984 | 910 472 | 336 743
330 234 | 440 436 | 419 567 | 513 283 | 614 380 | 740 220 | 937 326
405 572 | 918 539
503 971 | 541 458
215 267 445 | 610 484 835 | 412 878 | 724 878 | 717 223 | 814 582 | 570 272
803 839 | 843 854 | 864 821
615 629 | 423 729
214 469 972 945 | 713 281 832 346 621 | 210 726 | 512 737 | 817 682 | 903 430
801 385
540 826 | 703 571 | 757 948 | 804 686
206 253 360 425 564
304 681
920 274 | 608 353 | 715 534
403 587 825 368 | 780 587 825 368
604 236 257 672 778 | 250 236 257 672 778
204 431 584
506 428
709 879
902 782 851
416 437 647 942 | 905 289 365 742 | 519 226 382 548 | 613 343 753 | 705 249 683
418 367 581 | 514 263 438 | 450 354 579 | 819 468 873
306 474 639
809 829 849 | 787 939 | 876 658
"""


def _origins() -> Mapping[str, frozenset[str]]:
    origins: dict[str, frozenset[str]] = {}
    for group in _GROUPS.replace("\n", "|").split("|"):
        for code in group.split():
            origins[code] = origins.get(code, frozenset((code,))) | {group.split()[0]}
    return origins


_ORIGINS = _origins()


def overlaid(code: str) -> frozenset[str]:
    """Return `code` and the codes whose areas it serves, too."""
    return _ORIGINS.get(code, frozenset((code,)))


def overlay_codes() -> frozenset[str]:
    """Return every code that shares its area."""
    return frozenset(_ORIGINS)
