load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.0in font ",9" fontscale 0.8
set output "figures/step-profile.tex"
set multiplot layout 2,1 margins 0.16,0.98,0.22,0.9 spacing 0,0.28
set style fill solid 0.4 border -1
set yrange [-0.5:0.5]; unset ytics; unset key
file = "runs/profile.tsv"
do for [c=2:3] {
  stats file using c nooutput
  total = STATS_sum
  set xrange [0:total]
  set border 1
  set ylabel (c == 2 ? "naive" : "fast") rotate by 0 offset -1,0
  if (c == 3) { set xlabel "milliseconds of one core" offset 0,0.6 } else { unset xlabel }
  left = 0
  plot file using (x0 = left, left = left + column(c), (x0 + left) / 2):(0):(x0):(left):(-0.4):(0.4) with boxxyerror lc rgb "#1b4f8a", \
       (left = 0, NaN) notitle, \
       file using (x0 = left, left = left + column(c), (x0 + left) / 2):(0):(column(c) > 0.045 * total ? strcol(1) : "") with labels font ",7"
}
unset multiplot
