/* The card for one's own chat model and the audit's window, in process. */
#include <adwaita.h>
#include <glib/gstdio.h>
#include <math.h>

#include "audit-window.h"
#include "make-chat-card.h"
#include "refusal-audit.h"

static const char audit_json[] =
    "{\"format_version\": 1, \"layer\": 4, \"refuse_prompts\": 8, \"comply_prompts\": 8,"
    " \"last_tokens\": 5, \"chat_leaning\": true, \"arms\": {"
    " \"plain\": {\"items\": [], \"refuse\": {\"n\": 4, \"refused\": 4},"
    "  \"comply\": {\"n\": 4, \"refused\": 0}},"
    " \"added\": {\"items\": [{\"latent\": 7, \"mode\": \"add\", \"scope\": \"prompt\","
    "  \"scale\": 1.0, \"max_act\": 3.0}], \"refuse\": {\"n\": 4, \"refused\": 4, \"kl\": 0.1},"
    "  \"comply\": {\"n\": 4, \"refused\": 3, \"kl\": 0.2}},"
    " \"ablated\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}},"
    " \"random-added\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}},"
    " \"random-ablated\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}}},"
    " \"latents\": [{\"latent\": 7, \"auc\": 0.9, \"auc_held_out\": 0.8, \"delta_norm\": 0.95}],"
    " \"examples\": [{\"prompt\": \"A <b>prompt</b> & more\", \"set\": \"comply\","
    "  \"plain\": {\"answer\": \"Yes.\", \"refused\": false}}], \"phrases\": [\"no\"]}";

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

static CsStudy *
study_new (char **folder)
{
  g_autofree char *at = NULL, *run = NULL;
  g_autoptr (GError) error = NULL;
  CsStudy *study;

  *folder = g_dir_make_tmp ("crosscope-audit-window-XXXXXX", NULL);
  at = g_build_filename (*folder, "study", NULL);
  study = cs_study_create (at, "Study", &error);
  g_assert_no_error (error);
  run = g_build_filename (at, "runs", "batchtopk-1", NULL);
  g_assert_cmpint (g_mkdir_with_parents (run, 0777), ==, 0);
  return study;
}

static void
remove_study (CsStudy *study, char *folder)
{
  static const char *const names[] = { "study/runs/batchtopk-1/audit.json",
                                       "study/runs/batchtopk-1",
                                       "study/runs",
                                       "study/study.json",
                                       "study",
                                       "" };

  g_object_unref (study);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_remove (path);
    }
  g_free (folder);
}

static void
test_audit_window (void)
{
  char *folder;
  CsStudy *study = study_new (&folder);
  g_autofree char *at = g_build_filename (folder, "study", "runs", "batchtopk-1", NULL);
  g_autofree char *path = g_build_filename (at, "audit.json", NULL);
  g_autoptr (CsRun) run = cs_run_new (at);
  g_autoptr (GString) text = g_string_new (NULL);
  GtkWidget *window;

  g_assert_true (g_file_set_contents (path, audit_json, -1, NULL));
  window = cs_audit_window_new (study, run);
  gtk_window_present (GTK_WINDOW (window));
  for (int i = 0; i < 20; i++)
    g_main_context_iteration (NULL, false);
  collect (window, text);
  g_assert_nonnull (strstr (text->str, "Latent 7"));
  g_assert_nonnull (strstr (text->str, "A <b>prompt</b> & more"));
  g_assert_nonnull (strstr (text->str, "75 % ("));
  gtk_window_destroy (GTK_WINDOW (window));
  g_clear_object (&run);
  remove_study (study, folder);
}

static void
test_make_chat_card (void)
{
  char *folder;
  CsStudy *study = study_new (&folder);
  GtkWidget *card = g_object_ref_sink (cs_make_chat_card_new ());
  g_autoptr (GString) text = g_string_new (NULL);

  cs_make_chat_card_set_study (CS_MAKE_CHAT_CARD (card), study);
  g_assert_false (gtk_widget_get_visible (card)); /* no base yet */
  g_assert_true (cs_study_set_model_folder (study, 0, DEMO_FOLDER "/base", NULL));
  g_assert_true (gtk_widget_get_visible (card));
  collect (card, text);
  g_assert_nonnull (strstr (text->str, "refuse-harm"));
  g_assert_true (cs_study_set_model_folder (study, 0, "/nowhere/base", NULL));
  g_assert_false (gtk_widget_get_visible (card));
  cs_make_chat_card_set_study (CS_MAKE_CHAT_CARD (card), NULL);
  g_object_unref (card);
  remove_study (study, folder);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/audit-window/results", test_audit_window);
  g_test_add_func ("/audit-window/make-chat-card", test_make_chat_card);
  return g_test_run ();
}
