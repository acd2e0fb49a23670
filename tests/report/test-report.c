/* Reports of made-up studies. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "csv-table.h"
#include "kept-steering.h"
#include "latents-private.h"
#include "random.h"
#include "report.h"

#define N_LATENTS 200
#define HOSTILE "<script>alert('x')</script>\" onload=\"&amp;]]>"

typedef struct
{
  char *folder;
} Fixture;

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static void
set_up (Fixture *f, const void *data)
{
  f->folder = g_dir_make_tmp ("crosscope-report-XXXXXX", NULL);
}

static void
tear_down (Fixture *f, const void *data)
{
  remove_tree (f->folder);
  g_free (f->folder);
}

static void
write_file (const Fixture *f, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (f->folder, name, NULL);

  g_assert_true (g_file_set_contents (path, content, -1, NULL));
}

/* --- A study --- */

static void
write_run (const Fixture *f, const char *name, const char *variant, uint64_t seed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_build_filename (f->folder, "runs", name, NULL),
                  *file = g_build_filename ("runs", name, "config.json", NULL),
                  *config = g_strdup_printf ("{\"variant\": \"%s\", \"seed\": %d, \"lr\": 0.001}",
                                             variant, (int)seed);
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_LATENTS * 5);
  CsLatentRow rows[N_LATENTS];
  CsLatents latents = { .n_latents = N_LATENTS,
                        .n_tokens = 5000,
                        .rows = rows,
                        .fve_base = 0.9,
                        .fve_chat = 0.8125,
                        .l0 = 11.5,
                        .identity_gap = NAN };
  CsRandom random;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  cs_random_init (&random, seed, 0);
  for (size_t j = 0; j < N_LATENTS; j++)
    {
      CsLatentRow *row = &rows[j];

      cs_latent_row_init (row, j);
      row->delta_norm = (float)j / (N_LATENTS - 1);
      row->tag = (uint8_t)cs_latent_classify (row->delta_norm, false);
      row->tested = 1;
      row->count_active = 50;
      row->density = 0.01f;
      row->max_act = 40;
      row->nu_error = (float)cs_random_uniform (&random);
      row->nu_reconstruction = (float)cs_random_uniform (&random);
      row->template_share = (float)cs_random_uniform (&random);
      row->chat_specific = row->delta_norm >= 0.6f && row->nu_error < 0.2f;
    }
  for (size_t i = 0; i < N_LATENTS * 5; i++)
    slots[i].token = -1;
  cs_latents_save (&latents, folder, slots, 1, &error);
  g_assert_no_error (error);
  write_file (f, file, config);
}

static void
write_study (const Fixture *f)
{
  write_file (f, "study.json",
              "{\"format_version\": 1, \"title\": \""
              "A <b>title</b> & more"
              "\", \"base\": "
              "\"/models/base\", \"chat\": \"/models/it's chat\", \"layer\": 3, \"corpora\": []}");
  write_run (f, "l1-1", "l1", 5);
  write_run (f, "batchtopk-1", "batchtopk", 6);
  write_file (f, "labels.json",
              "{\"l1-1\": {\"7\": {\"name\": \"<script>alert('x')</script>\\\" "
              "onload=\\\"&amp;]]>\", \"note\": \"=1+1, \\\"quoted\\\"\\nnext\"}, \"999999\": {}, "
              "\"x\": 3}}");
  write_file (f, "claims.json",
              "{\"concepts\": {\"refuse-harm\": {\"latent\": 3, \"auc\": 0.987654321, "
              "\"chat_specific\": true}, \"none\": null, \"<i>\": 4}, \"steering\": {\"plain\": "
              "{\"harmless_refused\": 0.0, \"harmful_refused\": 1.0}, \"added\": {\"latent\": 3, "
              "\"scale\": 2.0, \"harmless_refused\": 0.425}, \"ablated\": {\"latents\": [3, 9], "
              "\"harmful_refused\": 0.25}}, \"models\": []}");
}

static CsReport *
read_study (const Fixture *f)
{
  g_autoptr (GError) error = NULL;
  CsReport *report = cs_report_new (f->folder, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (report);
  return report;
}

static void
keep_example (const Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = cs_study_open (f->folder, &error);
  g_autoptr (CsKeptSteering) example = cs_kept_steering_new ("l1-1", HOSTILE);
  CsSteerItem item = {
    .latent = 7, .mode = CS_STEER_ADD, .scope = CS_STEER_PROMPT_ONLY, .scale = 2, .max_act = 31.5
  };

  g_assert_no_error (error);
  g_array_append_val (example->items, item);
  example->texts[CS_KEPT_CHAT_PLAIN] = g_strdup ("plain \xff answer");
  example->texts[CS_KEPT_CHAT_STEERED] = g_strdup (HOSTILE);
  for (int i = 0; i < 2; i++) /* the second takes the place of the first */
    g_assert_true (cs_kept_steering_add (study, example, &error));
  g_assert_no_error (error);
}

/* --- Tests --- */

static void
test_empty (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autofree char *html = NULL, *pdf = g_build_filename (f->folder, "r.pdf", NULL);

  g_assert_null (cs_report_new (f->folder, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  write_file (f, "study.json", "[]");
  g_assert_null (cs_report_new (f->folder, NULL, &error));
  g_assert_nonnull (strstr (error->message, "study.json"));
  g_clear_error (&error);
  write_file (f, "study.json", "{}");
  report = read_study (f);
  g_assert_cmpuint (cs_report_count (report, CS_REPORT_UNKNOWN), ==, 2);
  g_assert_cmpuint (cs_report_count (report, CS_REPORT_HOLDS), ==, 0);
  g_assert_null (cs_report_find (report, "claims-table"));
  html = cs_report_html (report);
  g_assert_nonnull (strstr (html, "crosscope-cli harvest"));
  g_assert_nonnull (strstr (html, "crosscope-cli plant"));
  g_assert_true (cs_report_save_pdf (report, pdf, &error));
}

static const CsReportCell *
cell (const CsReportBlock *table, const char *row, size_t column)
{
  for (size_t r = 0; r < table->n_rows; r++)
    if (g_str_equal (table->cells[r * table->n_columns].text, row))
      return &table->cells[r * table->n_columns + column];
  g_assert_not_reached ();
}

static void
test_numbers (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autoptr (CsLatents) latents = NULL;
  g_autofree char *run = g_build_filename (f->folder, "runs", "batchtopk-1", NULL);
  const CsReportBlock *table;
  CsLatentSummary summary;

  write_study (f);
  report = read_study (f);
  latents = cs_latents_load (run, &error);
  g_assert_no_error (error);
  cs_latents_summarise (latents, &summary);
  table = cs_report_find (report, "claims-table");
  g_assert_cmpuint (table->n_columns, ==, 3);
  g_assert_cmpstr (table->columns[1], ==, "l1-1");
  g_assert_cmpstr (table->columns[2], ==, "batchtopk-1");
  g_assert_cmpfloat (cell (table, "chat-specific", 2)->value, ==, (double)summary.chat_specific);
  g_assert_cmpfloat (cell (table, "FVE chat", 2)->value, ==, 0.8125);
  g_assert_cmpstr (cell (table, "FVE chat", 2)->text, ==, "0.812");
  g_assert_cmpfloat (cell (table, "share of the chat-leaning that is chat-specific", 2)->low, ==,
                     summary.confirmed_interval[0]);
  table = cs_report_find (report, "concepts-table");
  g_assert_cmpfloat (cell (table, "refuse-harm", 2)->value, ==, 0.987654321);
  g_assert_cmpstr (cell (table, "none", 7)->text, ==, "no latent leans to chat");
  g_assert_nonnull (cs_report_find (report, "delta-norm-l1-1"));
  g_assert_nonnull (cs_report_find (report, "nu-batchtopk-1"));
}

static CsReportVerdict
verdict_of (const CsReport *report, const char *part)
{
  const CsReportSection *claims = g_ptr_array_index (report->sections, 0);

  for (guint b = 0; b < claims->blocks->len; b++)
    {
      const CsReportBlock *block = g_ptr_array_index (claims->blocks, b);

      if (block->kind == CS_REPORT_CLAIM && strstr (block->text, part) != NULL)
        return block->verdict;
    }
  g_assert_not_reached ();
}

static void
test_verdicts (Fixture *f, const void *data)
{
  g_autoptr (CsReport) report = NULL;

  write_study (f);
  report = read_study (f);
  g_assert_cmpint (verdict_of (report, "Adding one latent"), ==, CS_REPORT_FAILS);
  g_assert_cmpint (verdict_of (report, "Ablating its refusal"), ==, CS_REPORT_HOLDS);
  g_assert_cmpint (verdict_of (report, "Each concept"), ==, CS_REPORT_FAILS);
  g_assert_cmpint (verdict_of (report, "against itself"), ==, CS_REPORT_UNKNOWN);
}

static const char *
detail_of (const CsReport *report, const char *part)
{
  const CsReportSection *claims = g_ptr_array_index (report->sections, 0);

  for (guint b = 0; b < claims->blocks->len; b++)
    {
      const CsReportBlock *block = g_ptr_array_index (claims->blocks, b);

      if (block->kind == CS_REPORT_CLAIM && strstr (block->text, part) != NULL)
        return block->detail;
    }
  g_assert_not_reached ();
}

/* Where the prompts are known, the interval decides. */
static void
test_verdicts_by_interval (Fixture *f, const void *data)
{
  static const struct
  {
    double added, ablated, auc_low;
    CsReportVerdict adding, ablating, concepts;
  } cases[] = {
    { 0.975, 0.125, 0.95, CS_REPORT_HOLDS, CS_REPORT_HOLDS, CS_REPORT_HOLDS },
    { 0.55, 0.45, 0.89, CS_REPORT_UNDECIDED, CS_REPORT_UNDECIDED, CS_REPORT_UNDECIDED },
    { 0.25, 0.7, 0.95, CS_REPORT_FAILS, CS_REPORT_FAILS, CS_REPORT_HOLDS },
  };

  write_study (f);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char added[G_ASCII_DTOSTR_BUF_SIZE], ablated[G_ASCII_DTOSTR_BUF_SIZE],
          low[G_ASCII_DTOSTR_BUF_SIZE];
      g_autofree char *json = g_strdup_printf (
          "{\"concepts\": {\"a\": {\"auc\": 0.97, \"auc_interval\": [%s, 0.99], \"chat_specific\": "
          "true}}, \"steering\": {\"plain\": {\"harmless_refused\": 0.0, \"harmful_refused\": 1.0, "
          "\"prompts\": 80}, \"added\": {\"harmless_refused\": %s, \"prompts\": 80}, \"ablated\": "
          "{\"harmful_refused\": %s, \"prompts\": 80}}}",
          g_ascii_dtostr (low, sizeof low, cases[i].auc_low),
          g_ascii_dtostr (added, sizeof added, cases[i].added),
          g_ascii_dtostr (ablated, sizeof ablated, cases[i].ablated));
      g_autoptr (CsReport) report = NULL;

      write_file (f, "claims.json", json);
      report = read_study (f);
      g_assert_cmpint (verdict_of (report, "Adding one latent"), ==, cases[i].adding);
      g_assert_cmpint (verdict_of (report, "Ablating its refusal"), ==, cases[i].ablating);
      g_assert_cmpint (verdict_of (report, "Each concept"), ==, cases[i].concepts);
      if (i == 0)
        g_assert_cmpstr (
            detail_of (report, "Adding one latent"), ==,
            "Refused: 0.0 % (0.0 – 4.6 %), 0 of 80 plain; 97.5 % (91.3 – 99.3 %), 78 of 80 "
            "steered (Wilson 95 % intervals).");
    }
}

/* The same words for a verdict in every file. */
static void
test_words (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autoptr (CsCsv) csv = NULL;
  g_autofree char *folder = g_build_filename (f->folder, "tables", NULL),
                  *path = g_build_filename (folder, "claims.csv", NULL), *html = NULL;
  const CsReportSection *claims;
  size_t row = 0;

  write_study (f);
  report = read_study (f);
  g_assert_true (cs_report_save_csv (report, folder, &error));
  csv = cs_csv_open (path, &error);
  g_assert_no_error (error);
  html = cs_report_html (report);
  claims = g_ptr_array_index (report->sections, 0);
  for (guint b = 0; b < claims->blocks->len; b++)
    {
      const CsReportBlock *block = g_ptr_array_index (claims->blocks, b);
      const char *word = cs_report_verdict_word (block->verdict);

      if (block->kind != CS_REPORT_CLAIM)
        continue;
      g_autofree char *markup = g_strdup_printf ("%s</span> ", word);

      g_assert_nonnull (strstr (html, markup));
      g_assert_cmpstr (cs_csv_text (csv, row, (size_t)cs_csv_column (csv, "claim")), ==,
                       block->text);
      g_assert_cmpstr (cs_csv_text (csv, row, (size_t)cs_csv_column (csv, "verdict")), ==, word);
      g_assert_cmpstr (cs_csv_text (csv, row++, (size_t)cs_csv_column (csv, "numbers")), ==,
                       block->detail);
    }
  g_assert_cmpuint (row, ==, cs_csv_n_rows (csv));
}

/* Nothing that was given as text becomes markup, and nothing points outside. */
static void
test_html (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GRegex) id = g_regex_new (" id=\"([^\"]*)\"", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *html = NULL, *path = g_build_filename (f->folder, "report.html", NULL),
                  *saved = NULL;

  write_study (f);
  keep_example (f);
  report = read_study (f);
  html = cs_report_html (report);
  g_assert_true (g_utf8_validate (html, -1, NULL));
  g_assert_null (strstr (html, "<script"));
  g_assert_null (strstr (html, "<b>title"));
  g_assert_null (strstr (html, "<i>"));
  g_assert_nonnull (strstr (html, "&lt;script&gt;alert(&#39;x&#39;)"));
  g_assert_nonnull (strstr (html, "data-value=\"0.987654321"));
  g_assert_null (strstr (html, "http:"));
  g_assert_null (strstr (html, "https:"));
  g_assert_null (strstr (html, "src="));
  for (g_regex_match (id, html, 0, &match); g_match_info_matches (match);
       g_match_info_next (match, NULL))
    g_assert_true (g_hash_table_add (ids, g_match_info_fetch (match, 1)));
  g_assert_cmpuint (g_hash_table_size (ids), >, 50);
  g_assert_true (cs_report_save_html (report, path, &error));
  g_assert_true (g_file_get_contents (path, &saved, NULL, NULL));
  g_assert_true (strcmp (saved, html) == 0); /* drawn twice, the same bytes */
}

static void
test_pdf (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autofree char *path = g_build_filename (f->folder, "report.pdf", NULL), *content = NULL,
                  *nowhere = g_build_filename (f->folder, "no", "such.pdf", NULL);
  gsize size;

  write_study (f);
  keep_example (f);
  report = read_study (f);
  g_assert_true (cs_report_save_pdf (report, path, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_true (size > 20000 && g_str_has_prefix (content, "%PDF-"));
  g_assert_false (cs_report_save_pdf (report, nowhere, &error));
  g_assert_nonnull (error);
}

static void
test_csv (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = NULL;
  g_autofree char *folder = g_build_filename (f->folder, "tables", NULL),
                  *labels = g_build_filename (folder, "labels.csv", NULL),
                  *concepts = g_build_filename (folder, "concepts-table.csv", NULL);
  g_autoptr (CsCsv) csv = NULL, numbers = NULL;
  double value;

  write_study (f);
  report = read_study (f);
  g_assert_true (cs_report_save_csv (report, folder, &error));
  g_assert_no_error (error);
  csv = cs_csv_open (labels, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_csv_n_rows (csv), ==, 1);
  g_assert_cmpstr (cs_csv_text (csv, 0, (size_t)cs_csv_column (csv, "name")), ==, HOSTILE);
  g_assert_cmpstr (cs_csv_text (csv, 0, (size_t)cs_csv_column (csv, "note")), ==,
                   "=1+1, \"quoted\"\nnext");
  numbers = cs_csv_open (concepts, &error);
  g_assert_no_error (error);
  g_assert_true (cs_csv_number (numbers, 0, (size_t)cs_csv_column (numbers, "AUC"), &value));
  g_assert_cmpfloat (value, ==, 0.987654321);
}

static void
test_kept (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) kept = NULL;
  const CsKeptSteering *example;

  write_file (f, "study.json", "{\"format_version\": 1}");
  keep_example (f);
  kept = cs_kept_steering_load (f->folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kept->len, ==, 1);
  example = g_ptr_array_index (kept, 0);
  g_assert_cmpstr (example->prompt, ==, HOSTILE);
  g_assert_cmpstr (example->texts[CS_KEPT_CHAT_PLAIN], ==, "plain \xef\xbf\xbd answer");
  g_assert_null (example->texts[CS_KEPT_BASE_PLAIN]);
  g_assert_cmpuint (example->items->len, ==, 1);
  g_assert_cmpuint (g_array_index (example->items, CsSteerItem, 0).latent, ==, 7);
  g_assert_cmpint (g_array_index (example->items, CsSteerItem, 0).scope, ==, CS_STEER_PROMPT_ONLY);
  g_assert_false (cs_kept_steering_remove (f->folder, 1, NULL));
  g_assert_true (cs_kept_steering_remove (f->folder, 0, &error));
  g_clear_pointer (&kept, g_ptr_array_unref);
  kept = cs_kept_steering_load (f->folder, &error);
  g_assert_cmpuint (kept->len, ==, 0);
}

/* A file that cannot be read is named; the rest of the report is there. */
static void
test_trouble (Fixture *f, const void *data)
{
  g_autoptr (CsReport) report = NULL;
  g_autofree char *html = NULL;

  write_study (f);
  write_file (f, "runs/l1-1/causality.json", "{\"arms\": 3}");
  write_file (f, "runs/l1-1/audit.json", "nothing");
  write_file (f, "steering.json", "{\"examples\": [{\"items\": 3}]}");
  write_file (f, "activations.h5", "no HDF5");
  report = read_study (f);
  html = cs_report_html (report);
  g_assert_nonnull (strstr (html, "causality.json"));
  g_assert_nonnull (strstr (html, "audit.json"));
  g_assert_nonnull (strstr (html, "steering.json"));
  g_assert_nonnull (cs_report_find (report, "claims-table"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/report/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("empty", test_empty);
  ADD ("numbers", test_numbers);
  ADD ("verdicts", test_verdicts);
  ADD ("verdicts-by-interval", test_verdicts_by_interval);
  ADD ("words", test_words);
  ADD ("html", test_html);
  ADD ("pdf", test_pdf);
  ADD ("csv", test_csv);
  ADD ("kept", test_kept);
  ADD ("trouble", test_trouble);
  return g_test_run ();
}
