/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "base/error.h"
#include "data/image.h"
#include "testing.h"

#include <glob.h>
#include <jansson.h>

START_TEST(gdb_shows_the_lines_of_the_chapter) {
  const char *output;
  int status = run_command(
      &output,
      "gdb -batch -nx -ex 'break patchify' -ex run -ex 'info source' -ex list "
      "-ex next -ex next -ex 'info line' --args build/debug/patches --out %s",
      scratch_folder("gdb"));
  ck_assert_msg(status == 0, "%s", output);
  ck_assert_msg(strstr(output, "at chapters/01-patches.nw:"), "%s", output);
  ck_assert_msg(strstr(output, "Current source file is chapters/01-patches.nw"),
                "%s", output);
  ck_assert_msg(strstr(output, "assert(P > 0 && H % P == 0"), "%s", output);
  ck_assert_msg(strstr(output, "for (int column = 0;"), "%s", output);
}
END_TEST

START_TEST(ptensor_prints_a_tensor) {
  const char *output;
  run_command(&output,
              "gdb -batch -nx -x src/tensor/ptensor.py -ex 'break mul_backward' "
              "-ex run -ex next -ex 'ptensor a' -ex finish "
              "-ex 'ptensor entry->input[0]' "
              "-ex 'ptensor entry->input[0]->value 1 1' "
              "-ex 'ptensor entry->input[0]->value' build/debug/tape-example");
  ck_assert_msg(strstr(output, "add [1]\n  value: 1  min 1 max 1 mean 1\n"
                               "  grad: 0  min 0 max 0 mean 0"), "%s", output);
  ck_assert_msg(strstr(output, "  grad: 2  min 2 max 2 mean 2"), "%s", output);
  ck_assert_msg(strstr(output, "value [1, 1]\n  value: 1  min"), "%s", output);
  ck_assert_msg(strstr(output, "is no Tensor; of a bare array say its size: ptensor EXPR "
                               "ROWS COLUMNS"), "%s", output);
}
END_TEST

START_TEST(walks_of_later_chapters) {
  static const char *const walks[][3] = {
      {"train-vit", "-ex 'break attention_forward' -ex run -ex 'print B' -ex 'print T' "
       "-ex finish -ex 'ptensor qkv' -ex 'ptensor y'", "linear [16, 17, 192]"},
      {"train-vit", "-ex 'tbreak vit_forward' -ex run -ex 'tbreak vit_classify' "
       "-ex continue -ex 'ptensor pooled'", "layernorm [16, 64]"},
      {"train-siglip --batch 8", "-ex 'break sigmoid_loss' -ex run -ex 'ptensor logits' "
       "-ex finish -ex 'ptensor $' -ex 'ptensor clip->logit_bias'",
       "logit_bias []\n  value: -10 "},
      {"train-vit --precision bf16", "-ex 'break linear_forward_bf16' -ex run "
       "-ex 'print x[0]' -ex 'print bf16(x[0])' -ex 'tbreak linear_forward' "
       "-ex continue -ex 'print x[0]'", "$3 = 0.271484375\n"}};
  for (int i = 0; i < 4; i++) {
    const char *output;
    run_command(&output, "gdb -batch -nx -x src/tensor/ptensor.py %s --args "
                "build/debug/%s --patch-size 8 --limit 256 --steps 1 --out %s",
                walks[i][1], walks[i][0], scratch_folder("walk"));
    ck_assert_msg(strstr(output, walks[i][2]) != NULL, "%s", output);
  }
}
END_TEST

START_TEST(walks_without_options) {
  static const char *const walks[][4] = {
      {"matmul-steps", "-ex 'tbreak as_the_formula' -ex run -ex 'break strip' "
       "-ex 'call packed(0)' -ex 'print panel[5]' -ex 'print c.at[0]' -ex up "
       "-ex 'print b.at[5 * b.column]' -ex down -ex finish -ex 'print y[0]'",
       "$1 = -2\n$2 = 0\n", "$4 = 2\n"},
      {"sketch", "-x src/tensor/ptensor.py -ex 'tbreak info_nce' -ex run "
       "-ex 'ptensor logits' -ex 'tbreak sigmoid_loss' -ex continue -ex 'ptensor logits' "
       "-ex 'tbreak adamw_update' -ex continue -ex backtrace",
       "shift [4, 4]\n  value: -1", "in take_step (name="}};
  for (int i = 0; i < 2; i++) {
    const char *output;
    run_command(&output, "gdb -batch -nx %s build/debug/%s", walks[i][1], walks[i][0]);
    for (int k = 2; k < 4; k++)
      ck_assert_msg(strstr(output, walks[i][k]) != NULL, "%s", output);
  }
}
END_TEST

/* What stands after each "(gdb) " from here on, as options of gdb. */
static void take_commands(char *text, size_t size, const char *walk, const char *small) {
  size_t at = 0;
  text[0] = 0;
  for (; strncmp(walk, "(gdb) ", 6) == 0; walk = strchr(walk, '\n') + 1) {
    const int length = (int)strcspn(walk += 6, "\n");
    const int run = strncmp(walk, "run", 3) == 0 ? 3 : 0;
    at += (size_t)snprintf(text + at, size - at, " -ex '%.*s%s%.*s'", run, walk,
                           run ? small : "", length - run, walk + run);
    ck_assert_uint_lt(at, size);
  }
}

/* Try the walks of a chapter; how many. */
static int try_walks(const char *chapter, const char *folder) {
  static const char *const bad[] = {"No symbol", "not defined", "not being run",
                                    "Undefined command", ": expected "};
  char *text = read_file(chapter, NULL), *walk = text, commands[2048];
  int count = 0;
  for (; (walk = strstr(walk, "\n$ gdb ")); count++) {
    const char *call = walk + 3, *output;
    walk = strchr(call, '\n');
    *walk++ = 0;
    take_commands(commands, sizeof commands, walk,
                  strstr(call, "train-") ? " --limit 256 --steps 1 --warmup 0 "
                                           "--batch 16 --depth 1 --overwrite" : "");
    ck_assert_msg(*commands, "%s: %s: no commands", chapter, call);
    run_command(&output, "%s -batch -nx -ex 'set cwd %s'%s", call, folder, commands);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
      ck_assert_msg(!strstr(output, bad[i]), "%s: %s: %.4000s", chapter, call, output);
  }
  free(text);
  return count;
}

/* Eight pictures of drawn shapes stand in `images` when vit_forward is reached. */
START_TEST(prose_and_pictures) {
  const char *output;
  Image image;
  run_command(&output,
              "gdb -batch -nx -x src/tensor/ptensor.py -ex 'break vit_forward' -ex run "
              "-ex prose -ex 'ppicture images' -ex 'ppicture images 99' "
              "--args build/debug/train-vit --steps 1 --warmup 0 --overwrite --out %s",
              scratch_folder("prose"));
  ck_assert_msg(strstr(output, "wrote build/pictures/1.png: images 32 x 32, "), "%s",
                output);
  ck_assert_msg(strstr(output, "When only CLS is read, the last block works for CLS"),
                "%s", output);
  ck_assert_msg(strstr(output, "ppicture: expected a picture within"), "%s", output);
  ck_assert_msg(image_load(&image, "build/pictures/1.png", 0), "%s", fail_message());
  ck_assert(image.width == 128 && image.height == 128 && image.channels == 3);
  image_free(&image);
}
END_TEST

START_TEST(a_walk_is_a_command) {
  const char *output;
  int status = run_command(&output, "tools/walk --batch tape");
  ck_assert_msg(status == 0 && strstr(output, "mul_backward"), "%s", output);
  ck_assert_msg(strstr(output, "next, type: next; ptensor a; finish; "), "%s", output);
  ck_assert_int_eq(run_command(&output, "tools/walk --batch nosuch"), 2);
  ck_assert_msg(strstr(output, "walk: CHAPTER: expected one of"), "%s", output);
}
END_TEST

/* Each configuration of VS Code runs a program of build/debug and stops where the walk
   of its chapter first stops. */
START_TEST(the_editor_has_the_same_walks) {
  json_t *file = json_load_file(".vscode/launch.json", 0, NULL), *one;
  json_t *list = json_object_get(file, "configurations");
  size_t i;
  ck_assert_uint_ge(json_array_size(list), 12);
  json_array_foreach(list, i, one) {
    const char *name = json_string_value(json_object_get(one, "name")), *output;
    const json_t *stops = json_object_get(one, "setupCommands");
    const char *stop =
        json_string_value(json_object_get(json_array_get(stops, 1), "text"));
    run_command(&output, "grep -A3 '^[$] gdb .*%s' chapters/*-%s.nw",
                strrchr(json_string_value(json_object_get(one, "program")), '/') + 1,
                name + strlen("Walk: "));
    ck_assert_msg(stop && strstr(output, stop), "%s: %s: %s", name, stop, output);
  }
  json_decref(file);
}
END_TEST

START_TEST(every_walk_is_as_printed) {
  static const char captions[] = "a red ring\na red thing\na ring\n";
  const char *folder = text_of("%s", scratch_folder("walks"));
  glob_t chapters;
  int count = 0;
  write_file(scratch_path(folder, "captions"), captions, sizeof captions - 1);
  expect_program(0, "loss", "train-clip",
                 text_of("--patch-size 8 --limit 256 --steps 1 --warmup 0 --out "
                         "%s/build/runs/clip-shapes", folder));
  expect_program(0, "loss", "train-language",
                 text_of("--encoder %s/build/runs/clip-shapes --limit 256 --steps 30 "
                         "--warmup 0 --test 10 --out %s/build/runs/describe-scenes",
                         folder, folder));
  ck_assert_int_eq(glob("chapters/*.nw", 0, NULL, &chapters), 0);
  for (size_t i = 0; i < chapters.gl_pathc; i++)
    count += try_walks(chapters.gl_pathv[i], folder);
  globfree(&chapters);
  ck_assert_int_ge(count, 14);
}
END_TEST

TEST_MAIN("debugger", gdb_shows_the_lines_of_the_chapter, ptensor_prints_a_tensor,
          prose_and_pictures, a_walk_is_a_command, the_editor_has_the_same_walks,
          walks_of_later_chapters,
          walks_without_options, every_walk_is_as_printed)
