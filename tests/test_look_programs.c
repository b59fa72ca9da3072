/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "testing.h"

#include "io/safetensors.h"

static const char picture[] = "tests/fixtures/prepare/RGB-32x32.png";
static const char others[] = "tests/fixtures/published";

/* What a program prints; it must succeed. */
static const char *said(const char *program, const char *arguments) {
  const char *output;
  ck_assert_msg(run_command(&output, "%s/%s %s", programs_folder(), program,
                            arguments) == 0, "%s %s: %s", program, arguments, output);
  return text_of("%s", output);
}

static const char *run_of(const char *program, const char *options) {
  const char *folder = text_of("%s", scratch_folder(text_of("look-%s", program)));
  said(program, text_of("--out %s --steps 2 --warmup 0 --width 16 --depth 1 %s", folder,
                        options));
  return folder;
}

/* How many tensors a model has. */
static int count_tensors(const char *folder) {
  const char *printed;
  run_command(&printed, "grep -ao 'data_offsets' %s/model.safetensors | wc -l", folder);
  return (int)strtol(printed, NULL, 10);
}

/* Export a run and open it again, as a model that has all the family's tensors and no
   other: a picture's vector has the same bits. The folder. */
static const char *comes_back(const char *run, const char *as, int tensors) {
  const char *folder = text_of("%s", scratch_folder(text_of("look-as-%s", as)));
  said("export", text_of("--as %s %s %s", as, run, folder));
  ck_assert_str_eq(said("embed", text_of("%s %s", folder, picture)),
                   said("embed", text_of("%s %s", run, picture)));
  ck_assert_ptr_null(strstr(said("inspect", folder), "not used"));
  ck_assert_int_eq(count_tensors(folder), tensors);
  expect_program(1, "expected a folder without a model, found model.safetensors in it",
                 "export", text_of("--as %s %s %s", as, run, folder));
  return folder;
}

START_TEST(a_clip_goes_out_and_comes_back) {
  const char *run = run_of("train-clip", "--patch-size 8 --text-width 16 --text-depth 1 "
                                         "--embed 8 --batch 64 --limit 128");
  const char *folder = comes_back(run, "hf-clip", 7 + 16 + 4 + 16 + 3);
  const char *texts = "--text 'a red circle' ''", *captions = "-- 'a red circle' b";
  ck_assert_str_eq(said("embed", text_of("%s %s", folder, texts)),
                   said("embed", text_of("%s %s", run, texts)));
  ck_assert_str_eq(said("zeroshot", text_of("%s %s %s", folder, picture, captions)),
                   said("zeroshot", text_of("%s %s %s", run, picture, captions)));
  expect_program(1, "expected what timm can have, found two encoders", "export",
                 text_of("--as timm %s %s-2", run, folder));
}
END_TEST

START_TEST(an_image_encoder_goes_out_and_comes_back) {
  const char *run = run_of("train-vit", "--data shapes --limit 64 --test 64");
  const char *ours = said("classify", text_of("--top 2 %s %s", run, picture));
  const char *hf = comes_back(run, "hf-vit", 4 + 16 + 4);
  ck_assert_str_eq(said("classify", text_of("--top 2 %s %s", hf, picture)), ours);
  const char *timm = comes_back(run, "timm", 4 + 12 + 4);
  ck_assert_str_eq(said("classify", text_of("--top 2 %s %s", timm, picture)), ours);
  expect_program(1, "expected what hf-clip can have, found an image encoder alone",
                 "export", text_of("--as hf-clip %s %s-2", run, hf));
  run = run_of("train-vit", "--data shapes --limit 64 --test 64 --block eva02 --heads 2");
  expect_program(1, "expected what hf-vit can have, found blocks of EVA's kind", "export",
                 text_of("--as hf-vit %s %s-2", run, hf));
  run = run_of("train-vit", "--data shapes --limit 64 --test 64 --pool mean");
  expect_program(1, "expected what timm can have, found pooling other than CLS", "export",
                 text_of("--as timm %s %s-2", run, timm));
}
END_TEST

START_TEST(export_refuses) {
  expect_program(1, "expected the folder of a run, found none of ours", "export",
                 text_of("%s/timm build/scratch/none", others));
  expect_program(2, "expected RUN and FOLDER, found 1", "export", "a");
}
END_TEST

START_TEST(classes_have_names) {
  const char *folder = scratch_folder("look-names");
  const char *names = text_of("%s", scratch_path(folder, "names"));
  const char *vit = text_of("%s/hf-vit", others);
  write_file(names, "ant\nbee\ncat\ndog\nemu\n", 20);
  const char *five = said("classify", text_of("--names %s %s %s", names, vit, picture));
  int lines = 0;
  for (const char *c = five; *c; c++) lines += *c == '\n';
  ck_assert_int_eq(lines, 5);
  ck_assert(strstr(five, "\tant\n") && strstr(five, "\temu\n"));
  const char *best = said("classify", text_of("--top 1 --names %s %s %s %s", names, vit,
                                              picture, picture));
  ck_assert(strncmp(best, five, (size_t)(strchr(five, '\n') - five)) == 0);
  write_file(names, "ant\nbee\n", 8);
  expect_program(1, "names: expected 5 lines, one for each class of the model, found 2",
                 "classify", text_of("--names %s %s %s", names, vit, picture));
  expect_program(1, "expected a model with a head that names classes, found none in MAE's"
                 " encoder", "classify", text_of("%s/mae-encoder %s", others, picture));
  expect_program(2, "expected MODEL and at least one IMAGE, found 1", "classify", vit);
  expect_program(1, "none.png: cannot open", "classify",
                 text_of("%s tests/none.png", vit));
}
END_TEST

START_TEST(names_out_of_the_configuration) {
  const char *folder = text_of("%s", scratch_folder("look-labels"));
  const char *output;
  const char config[] =
      "{\"num_attention_heads\": 2, \"id2label\": {\"0\": \"ant\", \"1\": \"bee\", "
      "\"2\": \"cat\", \"3\": \"dog\", \"4\": \"emu\"}}";
  run_command(&output, "cp %s/hf-vit/model.safetensors %s", others, folder);
  write_file(scratch_path(folder, "config.json"), config, sizeof config - 1);
  ck_assert(strstr(said("classify", text_of("%s %s", folder, picture)), "\tdog\n"));
}
END_TEST

START_TEST(vectors_go_into_files) {
  const char *folder = text_of("%s", scratch_folder("look-vectors"));
  const char *clip = text_of("%s/clip", others), *output;
  const char *table = said("embed", text_of("%s %s --text 'the dog' b", clip, picture));
  said("embed", text_of("--output %s/v.tsv %s %s --text 'the dog' b", folder, clip,
                        picture));
  ck_assert_int_eq(run_command(&output, "cat %s/v.tsv", folder), 0);
  ck_assert_str_eq(output, table);
  said("embed", text_of("--output %s/v.safetensors %s %s --text 'the dog' b", folder,
                        clip, picture));
  Safetensors *file = safetensors_read(text_of("%s/v.safetensors", folder));
  real image[8], text[16];
  ck_assert(file && safetensors_take(file, "image", SHAPE(1, 8), image));
  ck_assert(safetensors_take(file, "text", SHAPE(2, 8), text));
  ck_assert_str_eq(safetensors_metadata(file, "text.0"), "the dog");
  ck_assert_str_eq(safetensors_metadata(file, "image.0"), picture);
  safetensors_free(file);
  const char *at = strchr(table, '\t');
  for (int i = 0; i < 8; i++, at = strchr(at + 1, '\t'))
    ck_assert_double_eq_tol(strtod(at, NULL), (double)image[i], 1e-8);
  expect_program(2, "--output: expected a name that ends with .safetensors or .tsv",
                 "embed", text_of("--output v.txt %s %s", clip, picture));
  expect_program(2, "expected at least one IMAGE, or --text and a TEXT, found neither",
                 "embed", clip);
  expect_program(1, "expected a model of two encoders", "embed",
                 text_of("%s/timm --text a", others));
  ck_assert_int_eq(run_command(&output, "cd tests && ../%s/embed fixtures/published/"
                               "eva02-clip-e --text a", programs_folder()), 1);
  ck_assert_msg(strstr(output, "expected CLIP's tokenizer beside it, merges.txt or "),
                "%s", output);
}
END_TEST

START_TEST(published_models_judge_captions) {
  expect_program(0, "\tthe dog", "zeroshot",
                 text_of("--batch 1 %s/clip %s %s -- 'the dog'", others, picture,
                         picture));
  expect_program(0, "of 2 pictures", "zeroshot",
                 text_of("--batch 1 --progress %s/clip %s %s -- 'the dog'", others,
                         picture, picture));
  expect_program(0, "\ta cat", "zeroshot",
                 text_of("--image-size 24 %s/eva02-clip %s -- 'the dog' 'a cat'", others,
                         picture));
  expect_program(2, "--image-size: expected a multiple of the patches' 4 pixels, found "
                 "23", "zeroshot",
                 text_of("--image-size 23 %s/eva02-clip %s -- a", others, picture));
  const char *merges = text_of("%s", scratch_path(scratch_folder("look-merges"), "m"));
  write_file(merges, "#version: 0.2\nt h\n", 18);
  expect_program(1, "look-merges/m: expected 6 merges, found 1",
                 "zeroshot", text_of("--tokenizer %s %s/clip %s -- a", merges, others,
                                     picture));
}
END_TEST

TEST_MAIN("programs that look", a_clip_goes_out_and_comes_back,
          an_image_encoder_goes_out_and_comes_back, export_refuses, classes_have_names,
          names_out_of_the_configuration, vectors_go_into_files,
          published_models_judge_captions)
