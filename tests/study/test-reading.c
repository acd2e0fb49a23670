/* How a study's texts are read: the pinned date and the tokens that the base model reads as others. */
#include <string.h>

#include <glib/gstdio.h>

#include "../analysis/tiny-pair.h"
#include "errors.h"
#include "json.h"
#include "study.h"

static const char dated[] =
  "{{ bos_token }}{{ strftime_now('%d %b %Y') }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n"
  "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}";

#define START 302

typedef struct
{
  TinyPair *tiny;
  char *folder;
  CsStudy *study;
} Fixture;

static CsStudy *
open_study (const char *folder)
{
  g_autoptr (GError) error = NULL;
  CsStudy *study = cs_study_open (folder, &error);

  g_assert_no_error (error);
  return study;
}

/* A study of a pair whose template asks for the date. */
static void
fixture_init (Fixture *f)
{
  g_autofree char *chat = NULL, *web = NULL, *config = NULL;
  g_autoptr (json_t) settings = json_pack ("{s:s, s:s}", "bos_token", "<bos>", "chat_template", dated);
  const char *corpora[] = { NULL, NULL };

  f->tiny = tiny_pair_new ();
  config = g_build_filename (f->tiny->model[1]->folder, "tokenizer_config.json", NULL);
  g_assert_cmpint (json_dump_file (settings, config, 0), ==, 0);
  f->folder = g_dir_make_tmp ("crosscope-reading-XXXXXX", NULL);
  f->study = cs_study_create (f->folder, "Reading", NULL);
  tiny_pair_corpora (f->folder, &web, &chat);
  corpora[0] = chat;
  for (int m = 0; m < 2; m++)
    g_assert_true (cs_study_set_model_folder (f->study, m, f->tiny->model[m]->folder, NULL));
  g_assert_true (cs_study_set_corpora (f->study, corpora, NULL));
}

static void
fixture_clear (Fixture *f)
{
  g_clear_object (&f->study);
  remove_tree (f->folder);
  g_free (f->folder);
  tiny_pair_free (f->tiny);
}

/* Both are there when the study is opened again; what cannot be is refused and changes nothing. */
static void
test_kept (void)
{
  Fixture f;
  g_autoptr (GError) error = NULL;

  fixture_init (&f);
  g_assert_null (cs_study_date (f.study));
  g_assert_null (cs_study_base_replacements (f.study));
  g_assert_true (cs_study_set_date (f.study, "2024-07-26", &error));
  g_assert_true (cs_study_set_base_replacements (f.study, "303=10,  302=65", &error));
  g_clear_object (&f.study);
  f.study = open_study (f.folder);
  g_assert_cmpstr (cs_study_date (f.study), ==, "2024-07-26");
  g_assert_cmpstr (cs_study_base_replacements (f.study), ==, "302=65 303=10");
  g_assert_false (cs_study_set_date (f.study, "tomorrow", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (cs_study_set_base_replacements (f.study, "302=65 302=66", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_cmpstr (cs_study_date (f.study), ==, "2024-07-26");
  g_assert_cmpstr (cs_study_base_replacements (f.study), ==, "302=65 303=10");
  g_assert_true (cs_study_set_date (f.study, NULL, &error));
  g_assert_true (cs_study_set_base_replacements (f.study, NULL, &error));
  g_clear_object (&f.study);
  f.study = open_study (f.folder);
  g_assert_null (cs_study_date (f.study));
  g_assert_null (cs_study_base_replacements (f.study));
  fixture_clear (&f);
}

/* The pair is opened with both, and anew when one of them changes. */
static void
test_pair (void)
{
  Fixture f;
  g_autoptr (CsPairSource) before = NULL, after = NULL;
  CsPair *pair;
  g_autoptr (GError) error = NULL;

  fixture_init (&f);
  before = cs_study_pair_source (f.study);
  pair = cs_study_pair (f.study, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cs_model_config (pair->model[0])->vocab_size, ==, 304);
  g_assert_true (cs_study_set_date (f.study, "1999-12-31", &error));
  g_assert_true (cs_study_set_base_replacements (f.study, "302=65", &error));
  after = cs_study_pair_source (f.study);
  g_assert_false (cs_pair_source_equal (before, after));
  g_assert_cmpstr (after->date, ==, "1999-12-31");
  g_assert_cmpstr (after->base_replacements, ==, "302=65");
  pair = cs_study_pair (f.study, &error);
  {
    char user[] = "user", content[] = "sing";
    const CsMessage message = { user, content };
    g_autoptr (CsRendering) rendering = cs_chat_render (pair->chat, pair->tokenizer, &message, 1, true, &error);
    const int32_t ids[] = { 300, START }, replaced[] = { 300, 65 };
    float rows[2][2 * 2 * TINY_WIDTH];

    g_assert_no_error (error);
    g_assert_nonnull (strstr (rendering->text, "31 Dec 1999"));
    g_assert_true (cs_pair_residuals (pair, NULL, 0, ids, 2, rows[0], &error));
    g_assert_true (cs_pair_residuals (pair, NULL, 0, replaced, 2, rows[1], &error));
    for (size_t t = 0; t < 2; t++) /* the base's half of each row */
      g_assert_cmpmem (rows[0] + t * 2 * TINY_WIDTH, TINY_WIDTH * sizeof (float), rows[1] + t * 2 * TINY_WIDTH,
                       TINY_WIDTH * sizeof (float));
  }
  fixture_clear (&f);
}

static void
harvest (CsStudy *study)
{
  g_autoptr (GError) error = NULL;
  CsJob *job = cs_study_harvest (study, &error);

  g_assert_no_error (error);
  g_assert_true (cs_job_wait (job, &error));
  g_assert_no_error (error);
}

/* The text of the store's first document. */
static char *
first_document (CsStudy *study, char **replacements)
{
  g_autoptr (CsStore) store = cs_study_open_store (study, NULL);
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (cs_study_model_folder (study, 1), NULL);
  const size_t n = (size_t) cs_store_documents (store)[1];
  g_autofree int32_t *ids = g_new (int32_t, n);

  g_assert_true (cs_store_read_tokens (store, 0, n, ids, NULL, NULL, NULL));
  *replacements = g_strdup (cs_store_info (store)->base_replacements);
  return cs_tokenizer_decode (tokenizer, ids, n, false);
}

/* A harvest reads the date and the replaced tokens, and keeps the tokens themselves. */
static void
test_harvest (void)
{
  Fixture f;
  g_autofree char *text = NULL, *replacements = NULL;

  fixture_init (&f);
  g_assert_true (cs_study_set_date (f.study, "1999-12-31", NULL));
  g_assert_true (cs_study_set_base_replacements (f.study, "302=65 303=10", NULL));
  harvest (f.study);
  text = first_document (f.study, &replacements);
  g_assert_nonnull (strstr (text, "31 Dec 1999"));
  g_assert_nonnull (strstr (text, "<start_of_turn>"));
  g_assert_cmpstr (replacements, ==, "302=65 303=10");
  fixture_clear (&f);
}

/* Where none is pinned the first harvest pins its day, for all that come later. */
static void
test_first_day (void)
{
  Fixture f;
  g_autoptr (GDateTime) before = g_date_time_new_now_local (), after = NULL;
  g_autofree char *text = NULL, *replacements = NULL;
  g_autofree char *first = NULL, *last = NULL;

  fixture_init (&f);
  harvest (f.study);
  after = g_date_time_new_now_local ();
  first = g_date_time_format (before, "%Y-%m-%d");
  last = g_date_time_format (after, "%Y-%m-%d");
  g_assert_true (g_strcmp0 (cs_study_date (f.study), first) == 0 || g_strcmp0 (cs_study_date (f.study), last) == 0);
  text = first_document (f.study, &replacements);
  g_assert_null (replacements);
  g_clear_object (&f.study);
  f.study = open_study (f.folder);
  g_assert_nonnull (cs_study_date (f.study));
  fixture_clear (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/study/reading/kept", test_kept);
  g_test_add_func ("/study/reading/pair", test_pair);
  g_test_add_func ("/study/reading/harvest", test_harvest);
  g_test_add_func ("/study/reading/first-day", test_first_day);
  return g_test_run ();
}
