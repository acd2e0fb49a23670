/* The Pair page over tiny random pairs, and the rows that measure something before it is done. */
#include <string.h>

#include "../analysis/tiny-pair.h"
#include "../lm/tiny-tokenizer.h"
#include "pair-page.h"
#include "probe-row.h"

#define TIMEOUT_S 60

typedef struct
{
  char *folder;
  TinyPair *tiny;
  CsStudy *study;
  GtkWindow *window;
  CsTrainConfig config;
} Fixture;

/* --- Looking about --- */

static gboolean
late_cb (void *late)
{
  *(bool *) late = true;
  return G_SOURCE_REMOVE;
}

static GtkWidget *
find_row (GtkWidget *root, const char *title)
{
  if (ADW_IS_PREFERENCES_ROW (root) &&
      g_strcmp0 (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (root)), title) == 0)
    return root;
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_row (child, title);

      if (found != NULL)
        return found;
    }
  return NULL;
}

static GtkWidget *
find_button (GtkWidget *root, const char *label)
{
  if (GTK_IS_BUTTON (root) && g_strcmp0 (gtk_button_get_label (GTK_BUTTON (root)), label) == 0)
    return gtk_widget_get_visible (root) ? root : NULL;
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_button (child, label);

      if (found != NULL)
        return found;
    }
  return NULL;
}

/* A label somewhere below that holds the text. */
static bool
has_text (GtkWidget *root, const char *text)
{
  if (GTK_IS_LABEL (root) && strstr (gtk_label_get_text (GTK_LABEL (root)), text) != NULL)
    return true;
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL; child = gtk_widget_get_next_sibling (child))
    if (has_text (child, text))
      return true;
  return false;
}

/* Until a row with the title is there and holds the text (may be NULL). */
static GtkWidget *
wait_for_row (Fixture *f, const char *title, const char *text)
{
  bool late = false;
  guint timer = g_timeout_add_seconds (TIMEOUT_S, late_cb, &late);
  GtkWidget *row = NULL;

  while (!late)
    {
      row = find_row (GTK_WIDGET (f->window), title);
      if (row != NULL && (text == NULL || has_text (row, text)))
        break;
      row = NULL;
      g_main_context_iteration (NULL, TRUE);
    }
  if (!late)
    g_source_remove (timer);
  if (row == NULL)
    g_error ("no row “%s” with “%s”", title, text);
  return row;
}

static void
click (GtkWidget *row, const char *label)
{
  GtkWidget *button = find_button (row, label);

  g_assert_nonnull (button);
  g_signal_emit_by_name (button, "clicked");
}

/* --- Making a study --- */

typedef void (*EditTokenizer) (json_t *tokenizer);

/* The markers of the template under reserved names. */
static void
reserve (json_t *tokenizer)
{
  json_t *added = json_object_get (tokenizer, "added_tokens");

  for (size_t i = 2; i < json_array_size (added); i++)
    {
      g_autofree char *name = g_strdup_printf ("<reserved_%zu>", i);

      json_object_set_new (json_array_get (added, i), "content", json_string (name));
    }
}

/* Thirty ordinary tokens with other names. */
static void
rename_tokens (json_t *tokenizer)
{
  json_t *vocab = json_object_get (json_object_get (tokenizer, "model"), "vocab");

  for (char c = 'A'; c < 'A' + 30; c++)
    {
      char from[2] = { c, '\0' }, to[3] = { 'x', c, '\0' };

      g_assert_cmpint (json_object_del (vocab, from), ==, 0);
      json_object_set_new (vocab, to, json_integer (c));
    }
}

static void
set_up (Fixture *f, gconstpointer data)
{
  EditTokenizer edit = (EditTokenizer) (uintptr_t) data;
  g_autofree char *path = NULL;
  g_autoptr (json_t) tokenizer = tiny_tokenizer_json ();

  f->tiny = tiny_pair_new ();
  f->folder = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  path = g_build_filename (f->tiny->model[0]->folder, "tokenizer.json", NULL);
  if (edit != NULL)
    {
      edit (tokenizer);
      g_assert_cmpint (json_dump_file (tokenizer, path, 0), ==, 0);
    }
  f->study = cs_study_create (f->folder, "Pair", NULL);
  for (int m = 0; m < 2; m++)
    g_assert_true (cs_study_set_model_folder (f->study, m, f->tiny->model[m]->folder, NULL));
  cs_train_config_init (&f->config, CS_VARIANT_BATCHTOPK, TINY_WIDTH);
  f->config.n_latents = 64;
  f->config.k = 4;
  f->config.batch = 32;
  f->config.steps = 50;
  f->window = GTK_WINDOW (gtk_window_new ());
  gtk_window_set_default_size (f->window, 900, 900);
  gtk_window_present (f->window);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gtk_window_destroy (f->window);
  g_clear_object (&f->study);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  tiny_pair_free (f->tiny);
  remove_tree (f->folder);
  g_free (f->folder);
}

static void
show_page (Fixture *f)
{
  GtkWidget *page = g_object_new (CS_TYPE_PAIR_PAGE, NULL);

  gtk_window_set_child (f->window, page);
  cs_page_set_study (CS_PAGE (page), f->study);
}

/* --- The page --- */

static void
add_titles (GtkWidget *root, GPtrArray *titles)
{
  if (ADW_IS_PREFERENCES_ROW (root) && gtk_widget_is_visible (root))
    g_ptr_array_add (titles, (void *) (uintptr_t) adw_preferences_row_get_title (ADW_PREFERENCES_ROW (root)));
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL; child = gtk_widget_get_next_sibling (child))
    add_titles (child, titles);
}

static guint
place_of (const GPtrArray *titles, const char *title)
{
  for (guint i = 0; i < titles->len; i++)
    if (g_strcmp0 (g_ptr_array_index (titles, i), title) == 0)
      return i;
  g_error ("no row “%s”", title);
}

/* The checks, and below them what can be measured of a pair that fits. */
static void
test_fits (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) titles = g_ptr_array_new ();
  GtkWidget *row;

  show_page (f);
  row = wait_for_row (f, "Same tokenizer", "one by one");
  g_assert_false (ADW_IS_EXPANDER_ROW (row));
  g_assert_null (cs_page_status (CS_PAGE (gtk_window_get_child (f->window))));
  add_titles (GTK_WIDGET (f->window), titles);
  g_assert_cmpuint (place_of (titles, "First Taste"), >, place_of (titles, "Same tokenizer"));
  g_assert_cmpuint (place_of (titles, "Same tokenizer"), >, place_of (titles, "Base model"));
  click (wait_for_row (f, "First Taste", NULL), "_Measure");
  row = wait_for_row (f, "First Taste", "nats a token on plain text");
  g_assert_true (has_text (row, "knows the tokens of the chat template"));
  g_assert_null (find_button (row, "_Replace"));
  g_assert_null (find_button (row, "_Do Not Replace"));
}

/* All that differs is listed, with an end; there is nothing to taste. */
static void
test_differs (Fixture *f, gconstpointer data)
{
  GtkWidget *row;

  show_page (f);
  row = wait_for_row (f, "Same tokenizer", "29 more tokens differ");
  g_assert_true (ADW_IS_EXPANDER_ROW (row));
  g_assert_true (has_text (row, "65: base “xA”, chat “A”"));
  g_assert_true (has_text (row, "84: base “xT”"));
  g_assert_false (has_text (row, "85: base"));
  g_assert_true (has_text (row, "and 10 more"));
  g_assert_false (gtk_widget_is_visible (find_row (GTK_WIDGET (f->window), "First Taste")));
  g_assert_cmpstr (cs_page_status (CS_PAGE (gtk_window_get_child (f->window))), ==, "!");
}

/* The base model reads other tokens once that is accepted, and no more when it is taken back. */
static void
test_replace (Fixture *f, gconstpointer data)
{
  GtkWidget *row;

  show_page (f);
  wait_for_row (f, "Same tokenizer", "the same but for 2 added tokens");
  row = wait_for_row (f, "First Taste", NULL);
  click (row, "_Measure");
  wait_for_row (f, "First Taste", "does not seem to know <start_of_turn>, <end_of_turn>");
  g_assert_null (cs_study_base_replacements (f->study));
  click (row, "_Replace");
  g_assert_cmpstr (cs_study_base_replacements (f->study), ==, "302=10 303=10");
  wait_for_row (f, "First Taste", "in place of some: 302=10 303=10");
  click (row, "_Do Not Replace");
  g_assert_null (cs_study_base_replacements (f->study));
  wait_for_row (f, "First Taste", "does not seem to know");
  g_assert_false (has_text (row, "in place of some"));
}

/* --- Rows of their own --- */

static CsStudy *
study_of (void *f)
{
  return ((Fixture *) f)->study;
}

static const CsTrainConfig *
config_of (void *f)
{
  return &((Fixture *) f)->config;
}

static GtkWidget *
show_row (Fixture *f, GtkWidget *row)
{
  GtkWidget *list = gtk_list_box_new ();

  gtk_list_box_append (GTK_LIST_BOX (list), row);
  gtk_window_set_child (f->window, list);
  return row;
}

static void
add_corpus (Fixture *f)
{
  const char *corpora[] = { NULL, NULL };
  g_autofree char *web = NULL, *chat = NULL;

  tiny_pair_corpora (f->folder, &web, &chat);
  corpora[0] = web;
  g_assert_true (cs_study_set_corpora (f->study, corpora, NULL));
}

/* A plan of a harvest says what is missing, then time, disk and memory; what is asked anew is forgotten. */
static void
test_harvest_plan (Fixture *f, gconstpointer data)
{
  GtkWidget *row = show_row (f, cs_harvest_plan_row_new (study_of, f));

  click (row, "_Measure");
  g_assert_true (has_text (row, "Add a corpus first."));
  add_corpus (f);
  click (row, "_Measure");
  wait_for_row (f, "Plan", "of disk");
  g_assert_true (has_text (row, "tokens"));
  cs_probe_row_reset (row);
  g_assert_false (has_text (row, "of disk"));
  click (row, "_Measure");
  g_assert_true (has_text (row, "Measuring"));
  cs_probe_row_reset (row); /* the answer is about something else now */
  for (gint64 end = g_get_monotonic_time () + 5 * G_USEC_PER_SEC; g_get_monotonic_time () < end;)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (2000);
  g_assert_false (has_text (row, "of disk"));
}

static void
test_training_plan (Fixture *f, gconstpointer data)
{
  GtkWidget *row = show_row (f, cs_training_plan_row_new (study_of, config_of, f));
  g_autoptr (GError) error = NULL;
  CsJob *job;

  click (row, "_Measure");
  g_assert_true (has_text (row, "Harvest activations first."));
  add_corpus (f);
  job = cs_study_harvest (f->study, &error);
  g_assert_no_error (error);
  g_assert_true (cs_job_wait (job, &error));
  click (row, "_Measure");
  wait_for_row (f, "Time and Memory", "of memory");
}

/* The window goes while something is measured. */
static void
test_destroy (Fixture *f, gconstpointer data)
{
  GtkWidget *row = show_row (f, cs_harvest_plan_row_new (study_of, f));

  add_corpus (f);
  click (row, "_Measure");
  gtk_window_set_child (f->window, NULL);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(name, edit, func) g_test_add ("/pair-page/" name, Fixture, (void *) (uintptr_t) (edit), set_up, func, tear_down)
  ADD ("fits", NULL, test_fits);
  ADD ("differs", rename_tokens, test_differs);
  ADD ("replace", reserve, test_replace);
  ADD ("harvest-plan", NULL, test_harvest_plan);
  ADD ("training-plan", NULL, test_training_plan);
  ADD ("destroy-while-measuring", NULL, test_destroy);
  return g_test_run ();
}
