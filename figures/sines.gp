# The table of sines for 8 x 8 patches and width 64, with the row of CLS (zeros) above it; and
# the products of one patch's row with the rows of all.
load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.0in font ",9" fontscale 0.8
set output "figures/sines.tex"
D = 64; side = 8; quarter = D / 4
omega(i) = 10000 ** (-1.0 * i / quarter)
at(p, f) = f < 2 ? p % side : p / side                  # features 0 and 1 are of the column, 2 and 3 of the row
wave(p, c) = (f = c / quarter, x = omega(c % quarter) * at(p, f), f % 2 ? cos(x) : sin(x))
set multiplot
set datafile separator whitespace
set palette defined (-1 "#ffffff", 1 "#12365f")
set cbrange [-1:1]; unset key; set border 15
set lmargin at screen 0.115; set rmargin at screen 0.60; set tmargin at screen 0.88; set bmargin at screen 0.17
set xrange [-0.5:D-0.5]; set yrange [side*side-0.5:-5.5]
set xtics 16 scale 0; set xlabel "channel"
set ytics ("CLS" -4, "8" 8, "24" 24, "40" 40, "56" 56) scale 0; set ylabel "patch" offset 0.5
set colorbox horizontal user origin 0.70,0.84 size 0.26,0.035; set cbtics 1 scale 0.3
do for [k=1:3] { set arrow from k*quarter-0.5,-5.5 to k*quarter-0.5,side*side-0.5 nohead front lc rgb "#000000" lw 0.8 }
do for [k=0:3] { set label k+1 word("sin cos sin cos", k+1) at k*quarter+quarter/2,-8 center }
set label 5 "column" at quarter,-13 center; set label 6 "row" at 3*quarter,-13 center
set print $table
do for [p=0:side*side-1] { do for [c=0:D-1] { print sprintf("%d %d %g", c, p, wave(p, c)) } }
unset print
set object 1 rectangle from -0.5,-5.5 to D-0.5,-2.5 behind fillcolor palette cb 0 fillstyle solid noborder
set object 2 rectangle from -0.5,-2.5 to D-0.5,-0.5 front fillcolor rgb "#ffffff" fillstyle solid noborder
plot $table using 1:2:3 with image
unset object
unset label; unset arrow; unset colorbox
# Right: the row of one patch times the rows of all.
product(p, q) = sum [c=0:D-1] wave(p, c) * wave(q, c)
set lmargin at screen 0.72; set rmargin at screen 0.91; set tmargin at screen 0.60; set bmargin at screen 0.17
set xrange [-0.5:side-0.5]; set yrange [side-0.5:-0.5]; set xlabel "column"; set ylabel "row" offset 1
set xtics 2; set ytics autofreq 2
self = 2 * side + 5
set print $products
do for [q=0:side*side-1] { print sprintf("%d %d %g", q % side, q / side, product(self, q)) }
unset print
set cbrange [*:*]
set colorbox vertical user origin 0.93,0.17 size 0.02,0.43; set cbtics auto 3
set object 3 rectangle from 4.5,1.5 to 5.5,2.5 front fillstyle empty border rgb "#ffffff" lw 1.5
plot $products using 1:2:3 with image
unset multiplot
