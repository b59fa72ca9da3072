#!/bin/sh
# figures.sh: the book's plots and drawings as SVG, in build/web/svg.
#
# usage: figures.sh   (from the root; build/web/drawings.tex has the drawings that stand in the text)
#
# One run of pdflatex puts each on a page of its own size; pdftocairo makes a picture of each page.
set -eu
export LC_ALL=C
names=$(grep -ohE '\\input\{(figures|drawings)/[^}]*\}' build/web/whole | sed 's,.*{\(.*\)},\1,; s,\.tex$,,' | sort -u)
cd build
{
    sed '/\\begin{document}/,$d' ../book.nw
    # shellcheck disable=SC2016 # TeX's own names
    printf '%s\n' '\newsavebox\pagebox' \
        '\def\onepage#1{\setbox\pagebox\hbox{#1}\pdfpagewidth=\dimexpr\wd\pagebox+6pt\relax' \
        '\pdfpageheight=\dimexpr\ht\pagebox+\dp\pagebox+6pt\relax\pdfhorigin=3pt\pdfvorigin=3pt\hoffset=0pt\voffset=0pt' \
        '\shipout\vbox{\box\pagebox}}' '\begin{document}\small'
    for name in $names; do printf '\\onepage{\\input{%s}}\n' "$name"; done
    cat web/drawings.tex
    printf '%s\n' '\end{document}'
} >web/figures.tex
cp book.aux web/figures.aux # numbers of chapters and sections
pdflatex -interaction=nonstopmode -halt-on-error -output-directory web web/figures.tex >web/figures.txt 2>&1 ||
    { grep -aE -A3 '^!' web/figures.txt >&2; echo "figures: the drawings cannot be typeset" >&2; exit 1; }
if grep -a 'LaTeX Warning: Reference' web/figures.txt >&2; then echo 'figures: the drawings refer to what is not there' >&2; exit 1; fi
mkdir -p web/svg
page=0
for name in $names $(grep -c '^.onepage' web/drawings.tex | awk '{ for (i = 1; i <= $1; i++) print "drawings/inline-" i }'); do
    page=$((page + 1))
    pdftocairo -svg -f $page -l $page web/figures.pdf "web/svg/$(echo "$name" | tr / -).svg"
done
