/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "eval/pca.h"

#include "testing.h"

START_TEST(an_ellipse_lies_along_its_axes) {
  enum { COUNT = 400, E = 5 };
  real x[COUNT * E];
  double plane[2 * COUNT], fraction[2];
  for (int r = 0; r < COUNT; r++) { /* 3 (1,1,0,0,0) cos + 1 (0,0,0,1,-1) sin + 7 */
    double a = 6.283185307179586 * r / COUNT;
    const double row[] = {3 * cos(a), 3 * cos(a), 0, sin(a), -sin(a)};
    for (int i = 0; i < E; i++) x[r * E + i] = (real)(7 + row[i]);
  }
  pca_plane(x, COUNT, E, plane, fraction);
  ck_assert_double_eq_tol(fraction[0], 0.9, 1e-5);
  ck_assert_double_eq_tol(fraction[1], 0.1, 1e-5);
  for (int r = 0; r < COUNT; r++) {
    double a = 6.283185307179586 * r / COUNT;
    ck_assert_double_eq_tol(fabs(plane[2 * r]), fabs(3 * sqrt(2) * cos(a)), 1e-4);
    ck_assert_double_eq_tol(fabs(plane[2 * r + 1]), fabs(sqrt(2) * sin(a)), 1e-4);
  }
}
END_TEST

TEST_MAIN("pca", an_ellipse_lies_along_its_axes)
