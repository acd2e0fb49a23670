/* The windows of causality and baselines, in process: what they show of a result, and at what
 * width. */
#include <adwaita.h>
#include <glib/gstdio.h>
#include <math.h>

#include "baselines.h"
#include "causality.h"
#include "trial-window.h"

/* For a structure that is only read. */
#define TEXT(string) ((char *)(uintptr_t)(string))

/* All text that labels below a widget show. */
static void
collect (GtkWidget *widget, GString *text)
{
  if (GTK_IS_LABEL (widget))
    g_string_append_printf (text, "%s\n", gtk_label_get_text (GTK_LABEL (widget)));
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    collect (child, text);
}

static char *
text_of (CsStudy *study, CsRun *run)
{
  GtkWidget *window = cs_trial_window_new (study, run);
  g_autoptr (GString) text = g_string_new (NULL);
  int least;

  gtk_window_present (GTK_WINDOW (window));
  for (int i = 0; i < 30; i++)
    g_main_context_iteration (NULL, false);
  gtk_widget_measure (window, GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL, NULL, NULL);
  g_assert_cmpint (least, <=, 360);
  collect (window, text);
  gtk_window_destroy (GTK_WINDOW (window));
  return g_string_free (g_steal_pointer (&text), false);
}

static void
save_causality (const char *run)
{
  const CsCausalityValue none = { 2, 1.5, 2.5, 0, 0, 0, .25 },
                         all = { .5, .4, .6, .75, .7, .8, .5 };
  CsCausalityArm arms[] = {
    { .name = TEXT ("none"), .value = { none, none, none } },
    { .name = TEXT ("all"), .n_latents = 64, .value = { all, all, all } },
    { .name = TEXT ("error-only"),
      .from_chat = true,
      .n_latents = 64,
      .value = { all, all, all } },
  };
  CsCausalityContrast contrast = { .a = TEXT ("all"),
                                   .b = TEXT ("error-only"),
                                   .difference = { .125 } };
  char *corpora[] = { TEXT ("talk"), NULL };
  const CsCausality causality = { .base_model = TEXT ("base"),
                                  .chat_model = TEXT ("chat"),
                                  .base_hash = TEXT ("a"),
                                  .chat_hash = TEXT ("b"),
                                  .corpora = corpora,
                                  .n_documents = 17,
                                  .n_positions = { 100, 90, 17 },
                                  .n_draws = 10,
                                  .n_set = 20,
                                  .n_filtered = 18,
                                  .set_delta_norm = .7,
                                  .n_arms = 3,
                                  .n_contrasts = 1,
                                  .arms = arms,
                                  .contrasts = &contrast };
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_causality_save (&causality, run, &error));
  g_assert_no_error (error);
}

static void
save_baselines (const char *folder)
{
  CsBaselineToken token = { .kl = 3,
                            .context = TEXT ("a <b> & more"),
                            .token = TEXT ("b"),
                            .chat_next = TEXT ("yes"),
                            .base_next = TEXT ("no"),
                            .chat_probability = .5,
                            .base_probability = .01 };
  CsBaselineClass class = { .count = 9, .kl = 1, .lo = .5, .hi = 2 };
  char *corpora[] = { TEXT ("talk"), NULL };
  const CsBaselines baselines = { .base_model = TEXT ("base"),
                                  .chat_model = TEXT ("chat"),
                                  .base_hash = TEXT ("a"),
                                  .chat_hash = TEXT ("b"),
                                  .corpora = corpora,
                                  .n_documents = 23,
                                  .n_tokens = 99,
                                  .n_draws = 10,
                                  .kl = 1,
                                  .lo = .5,
                                  .hi = 2,
                                  .n_top = 1,
                                  .n_classes = 1,
                                  .top = &token,
                                  .classes = &class };
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_baselines_save (&baselines, folder, &error));
  g_assert_no_error (error);
}

static void
assert_shows (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not shown in:\n%s", part, text);
}

static void
test_results (void)
{
  g_autofree char *folder = g_dir_make_tmp ("crosscope-trial-window-XXXXXX", NULL);
  g_autofree char *at = g_build_filename (folder, "study", NULL);
  g_autofree char *run_folder = g_build_filename (at, "runs", "r", NULL);
  g_autoptr (CsStudy) study = cs_study_create (at, "Study", NULL);
  g_autoptr (CsRun) run = NULL;
  g_autofree char *before = NULL, *causality = NULL, *baselines = NULL;
  static const char *const names[] = { "study/runs/r/causality.json",
                                       "study/runs/r",
                                       "study/runs",
                                       "study/baselines.json",
                                       "study/study.json",
                                       "study",
                                       "" };

  g_assert_cmpint (g_mkdir_with_parents (run_folder, 0777), ==, 0);
  run = cs_run_new (run_folder);
  before = text_of (study, run);
  g_assert_null (strstr (before, "17 conversations"));
  save_causality (run_folder);
  save_baselines (at);
  causality = text_of (study, run);
  assert_shows (causality, "17 conversations");
  assert_shows (causality, "All latents turned to chat");
  assert_shows (causality, "0.500 [0.400, 0.600]");
  assert_shows (causality, "75 %");
  assert_shows (causality, "+0.125");
  baselines = text_of (study, NULL);
  assert_shows (baselines, "23 documents");
  assert_shows (baselines, "a <b> & more");
  assert_shows (baselines, "“yes” (50 %; base gives it 1.0 %)");
  g_clear_object (&run);
  g_clear_object (&study);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_remove (path);
    }
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/trial-window/results", test_results);
  return g_test_run ();
}
