# The cosines of learned position vectors, read back from the greys of positions.png (0 is -1, 255 is 1), with a
# scale that ends at the greatest cosine of two different patches.
load "../figures/style.gp"
set terminal cairolatex pdf size 3.7in,2.4in font ",9" fontscale 0.8
set output "figures/positions.tex"
set datafile separator whitespace
n = 4; pitch = 72; gap = 4; square = (pitch - gap) / n     # of the picture, in pixels
set table $picture
plot "runs/vit-mnist/positions.png" binary filetype=png using 1 with image
unset table
stats $picture using 2 nooutput
top = STATS_max
inside(u) = u % pitch - gap
middle(u) = inside(u) >= 0 && inside(u) % square == square / 2
place(u) = (u / pitch) * (n + 0.4) + inside(u) / square
same(x, y) = x / pitch == inside(x) / square && y / pitch == inside(y) / square
cosine(v) = v / 255.0 * 2 - 1
X(u) = int(u); Y(v) = int(top - v)
set table $squares
plot $picture using (middle(X($1)) && middle(Y($2)) ? place(X($1)) : NaN):(place(Y($2))):(cosine($3)):(same(X($1), Y($2))) with table
unset table
stats $squares using ($1 >= 0 && $4 == 0 ? $3 : NaN) nooutput
low = STATS_min; high = STATS_max
set xrange [-0.6:4*n+0.7]; set yrange [4*n+0.7:-0.6]
set size ratio -1
unset border; unset xtics; unset ytics; unset key
set palette defined (0 "#ffffff", 1 "#1b3f6b")
set cbrange [low:high]; set cblabel "cosine" offset 0.5; set cbtics scale 0.3
plot $squares using 1:2:(0.5):(0.5):3 with boxxyerror fillstyle solid noborder fillcolor palette, \
     $squares using ($4 == 1 ? $1 : NaN):2 with points pt 7 ps 0.5 lc rgb "#ffffff"
