# The sheet of attention.png has a row for each digit: the digit, then a map for each block. Here it is laid
# out the other way round, a column for each digit, the digit drawn as ink over its maps: the darker the paper,
# the more attention a patch gets.
load "../figures/style.gp"
set terminal cairolatex pdf size 5.5in,2.05in font ",9" fontscale 0.8
set output "figures/attention-maps.tex"
set datafile separator whitespace
side = 28; gap = 2; pitch = side + gap            # of the sheet at half its size
set table $sheet
plot "runs/vit-mnist/attention.png" binary filetype=png every 2:2 using 1 with image
unset table
stats $sheet using 1:2 nooutput
width = int(STATS_max_x) / 2 + 1; height = int(STATS_max_y) / 2 + 1
top = STATS_max_y
array grey[width * height]
stats $sheet using (grey[int((top - $2) / 2) * width + int($1 / 2) + 1] = $3, 0) nooutput
tile(row, column, x, y) = grey[(row * pitch + gap + y) * width + column * pitch + gap + x + 1] / 255.0
digits = height / pitch; blocks = width / pitch - 1
shade(map, ink) = (1 - ink) * (1 - 0.5 * map)
set print $paper
do for [i=0:blocks] { do for [y=0:pitch-1] { do for [d=0:digits-1] { do for [x=0:pitch-1] {
  s = x >= side || y >= side ? 1 : shade(i ? tile(d, i, x, y) : 0, tile(d, 0, x, y))
  print sprintf("%d %d %.3g", d * pitch + x, i * pitch + y, s)
} } } }
unset print
unset key; unset colorbox; unset border; unset xtics
set ytics ("digit" side/2) scale 0
set for [i=1:blocks] ytics add (sprintf("block %d", i - 1) i * pitch + side / 2)
set xrange [-0.5:digits*pitch-gap-0.5]; set yrange [(blocks+1)*pitch-gap-0.5:-0.5]
set size ratio -1
set palette defined (0 "#000000", 0.5 "#c98f5a", 1 "#ffffff"); set cbrange [0:1]
do for [d=0:digits-1] { do for [i=0:blocks] {
  set object rectangle from d*pitch-0.5,i*pitch-0.5 to d*pitch+side-0.5,i*pitch+side-0.5 front fillstyle empty border lc rgb "#999999" lw 0.4
} }
plot $paper using 1:2:3 with image
