/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/dataset.h"

#include "data/shapes.h"
#include "testing.h"

START_TEST(as_many_of_each_class) {
  Dataset data = {0}, all = {0};
  int of[16] = {0};
  shapes_make(&data, 500, 1);
  shapes_make(&all, 500, 1);
  const real mean = data.mean[1];
  label_subset_apply(&data, 83, 7);
  ck_assert_int_eq(data.count, 83);
  ck_assert(data.mean[1] == mean);
  for (int i = 0; i < 83; i++) of[data.labels[i]]++;
  for (int k = 0; k < data.classes; k++)
    ck_assert(of[k] == 83 / data.classes || of[k] == 83 / data.classes + 1);
  // Expect each picture among all, with its label
  for (int i = 0; i < 83; i++) { /* each is one of all, with its label */
    int found = -1;
    for (int k = 0; k < 500 && found < 0; k++)
      if (memcmp(dataset_image(&data, i), dataset_image(&all, k),
                 dataset_image_size(&all)) == 0)
        found = k;
    ck_assert(found >= 0 && all.labels[found] == data.labels[i]);
  }
  dataset_free(&data);
  dataset_free(&all);
}
END_TEST

START_TEST(rare_classes_are_used_up) {
  static const int labels[] = {0, 0, 0, 0, 0, 1, 0, 2, 2, 0};
  int chosen[6], of[3] = {0}, again[6];
  label_subset_choose(labels, 10, 3, 6, 1, chosen);
  label_subset_choose(labels, 10, 3, 6, 1, again);
  for (int i = 0; i < 6; i++) of[labels[chosen[i]]]++;
  ck_assert(of[0] == 3 && of[1] == 1 && of[2] == 2);
  ck_assert_mem_eq(chosen, again, sizeof chosen);
  label_subset_choose(labels, 10, 3, 6, 2, again);
  ck_assert_mem_ne(chosen, again, sizeof chosen);
  Dataset data = {0};
  shapes_make(&data, 20, 1);
  label_subset_apply(&data, 0, 1);
  label_subset_apply(&data, 20, 1);
  ck_assert_int_eq(data.count, 20);
  dataset_free(&data);
}
END_TEST

TEST_MAIN("label_subset", as_many_of_each_class, rare_classes_are_used_up)
