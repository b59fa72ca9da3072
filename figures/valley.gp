# Gradient descent, momentum and AdamW (decay 0) in a narrow valley.
load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.1in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/valley.tex"
kappa = 1000.0; steps = 60; start_x = -4.0; start_y = 0.15
loss(x, y) = 0.5 * (x * x + kappa * y * y)
array rate[3] = [0.0016, 0.0032, 0.1]
beta1 = 0.9; beta2 = 0.999; eps = 1e-8
do for [k=1:3] {
  x = start_x; y = start_y; mx = 0; my = 0; vx = 0; vy = 0
  if (k == 1) { set print $plain }
  if (k == 2) { set print $momentum }
  if (k == 3) { set print $adamw }
  do for [i=0:steps] {
    print sprintf("%d\t%.6g\t%.6g\t%.6g", i, x, y, loss(x, y))
    gx = x; gy = kappa * y
    if (k == 1) { x = x - rate[1] * gx; y = y - rate[1] * gy }
    if (k == 2) {
      mx = 0.9 * mx + gx; my = 0.9 * my + gy
      x = x - rate[2] * mx; y = y - rate[2] * my
    }
    if (k == 3) {
      mx = beta1 * mx + (1 - beta1) * gx; vx = beta2 * vx + (1 - beta2) * gx * gx
      my = beta1 * my + (1 - beta1) * gy; vy = beta2 * vy + (1 - beta2) * gy * gy
      c1 = 1 - beta1 ** (i + 1); c2 = 1 - beta2 ** (i + 1)
      x = x - rate[3] * mx / c1 / (sqrt(vx / c2) + eps)
      y = y - rate[3] * my / c1 / (sqrt(vy / c2) + eps)
    }
  }
  unset print
}
set multiplot layout 1,2
unset key
set parametric; set trange [0:2*pi]; set samples 200
set xrange [-4.4:1.4]; set yrange [-0.3:0.3]
set xlabel "$w_1$"; set ylabel "$w_2$" offset 1; set xtics 1; set ytics 0.1
plot for [r=1:4] r*cos(t),r/sqrt(kappa)*sin(t) with lines ls 8 lw 1 notitle, \
     $momentum using 2:3 with linespoints ls 2 lw 1 pt 6 ps 0.3, \
     $adamw using 2:3 with linespoints ls 1 pt 7 ps 0.3, \
     $plain using 2:3 with linespoints ls 3 lw 2.5 pt 2 ps 0.3
unset parametric
set xlabel "step"; set ylabel "loss" offset 1; set logscale y; set format y "$10^{%L}$"
set xrange [0:steps]; set yrange [1e-5:*]; set xtics 20; set ytics 10
set key left bottom Left reverse
plot $plain using 1:4 with lines ls 3 lw 2.5 title "gradient descent", \
     $momentum using 1:4 with lines ls 2 title "momentum", \
     $adamw using 1:4 with lines ls 1 title "AdamW"
unset multiplot
