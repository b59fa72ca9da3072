# The common look of all figures: LaTeX sets the labels; greys and dashes that survive grey print.
set terminal cairolatex pdf size 5.3in,2.35in font ",9" fontscale 0.8 linewidth 1.2 rounded
set datafile separator "\t"
set border 3 linewidth 0.7
set tics nomirror scale 0.6
set key samplen 2 spacing 1.1 width -2
set style line 1 linecolor rgb "#1b4f8a" linewidth 1.8 dashtype 1
set style line 2 linecolor rgb "#c8553d" linewidth 1.8 dashtype 2
set style line 3 linecolor rgb "#4a7c59" linewidth 1.8 dashtype 4
set style line 8 linecolor rgb "#b0b8c4" linewidth 0.5
set style line 9 linecolor rgb "#555555" linewidth 0.8 dashtype 3
# A column smoothed: the mean of the first `span` values, then an exponential mean of weight 1/span.
span = 50
running(x) = (n = n + 1, total = n == 1 ? x : (n <= span ? (total * (n - 1) + x) / n : total + (x - total) / span), total)
n = 0; total = 0
