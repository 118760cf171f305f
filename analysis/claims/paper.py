"""The claims and findings of the paper that are judged, in its own words and with its own numbers.

Jones et al., ESEM 2024, doi 10.1145/3674805.3686665. A quote has the section, figure or table that it stands in. A
number that the paper does not print is called derived, with its origin: the artifact of the paper (doi
10.5281/zenodo.13631840), or a calculation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.claims import rules
from analysis.claims.results import ResultLookup
from analysis.claims.rules import (
    HALF_REMAINED,
    MOST_REMAINED,
    MUCH_HIGHER_FACTOR,
    NEGLIGIBLE_CORRELATION,
    NEGLIGIBLE_DELTA,
    SIGNIFICANCE_LEVEL,
    TOP_K,
    Measurement,
)


@dataclass(frozen=True)
class Claim:
    """A claim or finding of the paper, its published numbers, and how it is judged.

    `label` is short enough for the axis of a figure. `measure` is what the project measures, `published_measure` what
    the paper measures. `is_share` says whether these two are shares, which are shown in percent.
    """

    claim: str
    label: str
    title: str
    quote: str
    published: str
    published_date: str
    measure: str
    published_measure: str
    rule: str
    judge: Callable[[ResultLookup], Measurement]
    is_share: bool = False
    finding: int | None = None


CLAIMS = (
    Claim(
        claim="C1",
        label="Transformers is kept",
        title="Descendants keep the transformers library more than any other",
        quote="Finding 4: “the Transformers library is preferred in over 80% of PTM descendants, surpassing PyTorch”. "
        "Table 4: “The preservation of Transformers as a library to its descendents will be greater than that of other "
        "libaries”",
        published="over 80 % (section 5.3.2). Derived from the artifact of Figure 5: 0.830 = 2,699 of 3,252 "
        "descendants with two or more libraries use transformers, 0.593 safetensors (1,929), 0.361 tensorboard (1,173)",
        published_date="2023-10",
        measure="share kept",
        published_measure="share that uses it",
        rule="preservation by Eq. 1, compared with the best other library (without formats and trackers): holds: its "
        "interval lies above the other's; reversed: its interval lies below; weaker: the intervals overlap",
        judge=rules.judge_preservation,
        is_share=True,
        finding=4,
    ),
    Claim(
        claim="Finding 5",
        label="Turnover above packages",
        title="The top models turn over much faster than the top packages",
        quote="Finding 5: “Figure 6 reveals that Hugging Face has a significantly higher package turnover rate than "
        "traditional software registries”",
        published="“2535 distinct packages rotated through HuggingFace's top-1K, only 1127 featured for NPM” (section "
        "5.4.2). Derived, newcomers in each of three transitions: the Hub 51.2 % = (2535 - 1000) / 3000, npm 4.2 %, "
        "and PyPI 14.3 % from 1429 distinct packages in the artifact. The Hub's lists are 5 to 11 months apart by "
        "their dates, up to 23 by their content",
        published_date="2024-04",
        measure="share replaced",
        published_measure="share of newcomers",
        rule=f"turnover over matched gaps of 91 days at K = {TOP_K:,}, over overlapping periods: holds: the Hub's "
        f"least value is at least {MUCH_HIGHER_FACTOR:g} times the largest of npm and PyPI; reversed: its largest is "
        "below their least; weaker: between",
        judge=rules.judge_faster_turnover,
        is_share=True,
        finding=5,
    ),
    Claim(
        claim="C2 stability",
        label="Top models remain",
        title="Models with high popularity remain popular",
        quote="Table 4: “Models with high popularity remain popular over time (“rich get richer”)”. Section 5.4.2: "
        "“The Hugging Face data does not match our interpretation of the claim, with about half of the top-1K Hugging "
        "Face PTMs turning over in each snapshot”",
        published="about half of the top 1,000 replaced in each snapshot (section 5.4.2): the paper's data reverses it",
        published_date="2024-04",
        measure="share remained",
        published_measure="share remained",
        rule=f"share of the top {TOP_K:,} that remained over a matched gap of 91 days: holds: its least value is at "
        f"least {MOST_REMAINED:g}; reversed: its largest is at most {HALF_REMAINED:g}, about half was replaced; "
        "weaker: between. Written after lists of the Hub over other gaps were known",
        judge=rules.judge_stability,
        is_share=True,
    ),
    Claim(
        claim="C2 descendants",
        label="Downloads, descendants",
        title="Models with more downloads have more descendants",
        quote="Finding 6: “Model popularity correlates with descendant count, indicating that while popular models "
        "have more descendants, other factors influence model selection decisions”",
        published="“a weak positive correlation” (section 5.4.2), a log-log “slope of 0.15” (Figure 7), “for the "
        "15,000 most popular PTMs” (section 5.4.1). Derived from the artifact of Figure 7, with the children's "
        "downloads: slope 0.1479, Spearman 0.419",
        published_date="2023-10",
        measure="Spearman's rho",
        published_measure="log-log slope",
        rule="Spearman of descendants with the parent's own downloads: holds: its interval lies above "
        f"{NEGLIGIBLE_CORRELATION} and Holm's p is below {SIGNIFICANCE_LEVEL}; reversed: its interval lies below 0; "
        "weaker: between",
        judge=rules.judge_descendants,
        finding=6,
    ),
    Claim(
        claim="C3",
        label="Documentation, downloads",
        title="Better documented models are more popular",
        quote="Finding 7: “There is a strong correlation between documentation quality and PTM popularity, with the "
        "top 1000 models significantly outperforming the bottom 1000 in documentation”",
        published="p < 0.01 (section 5.5.2), “the top 1000 and bottom 1000 models from PeaTMOSS's set of 15,000 PTMs” "
        "(section 5.5.1); Figure 8 shows no number",
        published_date="2023-10",
        measure="Cliff's delta",
        published_measure="Cohen's d",
        rule=f"Cliff's delta of the questions that cards answer, scored by rules, top against bottom {TOP_K:,} by "
        f"downloads, where the cards of {rules.MIN_COVERAGE:.0%} of the models are known: holds: its interval lies "
        f"above {NEGLIGIBLE_DELTA} and Holm's p (Mann and Whitney) is below "
        f"{SIGNIFICANCE_LEVEL}; reversed: its interval lies below 0; weaker: between",
        judge=rules.judge_documentation,
        finding=7,
    ),
    Claim(
        claim="C4",
        label="Attributes matter",
        title="Attributes of deep learning affect which models are selected",
        quote="Table 4: “DL-specific attributes such as model architecture, performance, reproducibility, and "
        "portability affect PTM selection and reuse”",
        published="not measured: “The fourth was too imprecise to operationalize” (section 1)",
        published_date="2024-10",
        measure="",
        published_measure="",
        rule="none yet",
        judge=rules.judge_attributes,
    ),
)
