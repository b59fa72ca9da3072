/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "base/arena.h"

#include "testing.h"

START_TEST(pieces_are_aligned_and_do_not_overlap) {
  Arena *arena = arena_new();
  char *pieces[200];
  for (int i = 0; i < 200; i++) {
    size_t size = (size_t)(i * 997 + 1);
    pieces[i] = arena_get(arena, size);
    ck_assert_uint_eq((uintptr_t)pieces[i] % 64, 0);
    memset(pieces[i], i, size);
  }
  for (int i = 0; i < 200; i++)
    for (int j = 0; j < i * 997 + 1; j += 331)
      ck_assert_int_eq((unsigned char)pieces[i][j], i);
  arena_free(arena);
}
END_TEST

START_TEST(the_second_round_needs_no_new_block) {
  Arena *arena = arena_new();
  void *first[50];
  int blocks = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 50; i++) {
      void *piece = arena_get(arena, (size_t)(i * 54321));
      if (round == 0) first[i] = piece;
      ck_assert_ptr_eq(piece, first[i]);
    }
    if (round == 0) blocks = arena_blocks(arena);
    ck_assert_int_eq(arena_blocks(arena), blocks);
    arena_reset(arena);
  }
  ck_assert_int_gt(blocks, 1);
  arena_free(arena);
}
END_TEST

TEST_MAIN("arena", pieces_are_aligned_and_do_not_overlap,
          the_second_round_needs_no_new_block)
