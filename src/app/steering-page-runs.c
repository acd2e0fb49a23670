/* Which run is steered, and what the page says while there is nothing to steer. */
#include <glib/gi18n.h>

#include "feedback.h"
#include "steering-page-private.h"

CsRun *
cs_steering_page_run (CsSteeringPage *page)
{
  GObject *selected = gtk_drop_down_get_selected_item (page->run_chooser);
  CsStudy *study = cs_page_study (CS_PAGE (page));

  if (selected == NULL || study == NULL)
    return NULL;
  return cs_study_find_run (study, gtk_string_object_get_string (GTK_STRING_OBJECT (selected)));
}

static bool
has_crosscoder (CsRun *run)
{
  g_autofree char *path = g_build_filename (cs_run_folder (run), "model.safetensors", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static char **
run_names (CsStudy *study)
{
  GListModel *runs = cs_study_runs (study);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      if (has_crosscoder (run))
        g_strv_builder_add (names, cs_run_name (run));
    }
  return g_strv_builder_end (names);
}

bool
cs_steering_same_names (GListModel *list, char **names)
{
  const guint n = list != NULL ? g_list_model_get_n_items (list) : 0;

  if (n != g_strv_length (names))
    return false;
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GtkStringObject) item = g_list_model_get_item (list, i);

      if (!g_str_equal (gtk_string_object_get_string (item), names[i]))
        return false;
    }
  return true;
}

void
cs_steering_page_select_run (CsSteeringPage *self, const char *name)
{
  GListModel *list = gtk_drop_down_get_model (self->run_chooser);

  for (guint i = 0; name != NULL && list != NULL && i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (GtkStringObject) item = g_list_model_get_item (list, i);

      if (g_str_equal (gtk_string_object_get_string (item), name))
        gtk_drop_down_set_selected (self->run_chooser, i);
    }
}

static void
update_runs (CsSteeringPage *self, CsStudy *study)
{
  g_auto (GStrv) names = run_names (study);
  CsRun *before = cs_steering_page_run (self);
  g_autofree char *selected = before != NULL ? g_strdup (cs_run_name (before)) : NULL;
  g_autoptr (GtkStringList) list = NULL;

  if (cs_steering_same_names (gtk_drop_down_get_model (self->run_chooser), names))
    return;
  list = gtk_string_list_new ((const char *const *) names);
  gtk_drop_down_set_model (self->run_chooser, G_LIST_MODEL (list));
  cs_steering_page_select_run (self, selected);
}

static void
show_empty (CsSteeringPage *self, const char *title, const char *description, const char *button, const char *page)
{
  adw_status_page_set_title (self->empty, title);
  adw_status_page_set_description (self->empty, description);
  gtk_widget_set_visible (GTK_WIDGET (self->empty_button), button != NULL);
  if (button != NULL)
    gtk_button_set_label (self->empty_button, button);
  self->empty_page = page;
  gtk_stack_set_visible_child_name (self->stack, "empty");
}

static void
show_not_analysed (CsSteeringPage *self, CsRun *run)
{
  const bool busy = cs_run_job (run) != NULL && cs_job_is_active (cs_run_job (run));

  if (busy)
    show_empty (self, _("At Work on This Run"),
                _("Its latents can be steered as soon as they are analysed. Choose another run meanwhile."), NULL, NULL);
  else
    show_empty (self, _("Not Analysed Yet"), _("How far a latent can be turned up is measured by the analysis of its run."),
                _("_Analyse"), NULL);
}

void
cs_steering_page_update (CsSteeringPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  CsRun *run;

  if (study == NULL)
    return;
  update_runs (self, study);
  run = cs_steering_page_run (self);
  gtk_widget_set_visible (GTK_WIDGET (self->run_chooser), run != NULL);
  if (cs_study_model_folder (study, 0) == NULL || cs_study_model_folder (study, 1) == NULL)
    show_empty (self, _("No Pair Yet"), _("Choose a base and a chat model to steer."), _("Choose _Models"), "pair");
  else if (run == NULL)
    show_empty (self, _("No Crosscoder Yet"), _("Train a crosscoder on the pair: its latents are what is turned up and down here."),
                _("_Train a Crosscoder"), "training");
  else if (cs_run_latents (run, NULL) == NULL)
    show_not_analysed (self, run);
  else
    gtk_stack_set_visible_child_name (self->stack, "content");
  cs_steering_basket_set_run (self->basket, study, run);
}

void
cs_steering_page_leave_empty (CsSteeringPage *self)
{
  CsRun *run = cs_steering_page_run (self);
  g_autoptr (GError) error = NULL;

  if (self->empty_page != NULL)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.show-page", "s", self->empty_page);
  else if (run != NULL && cs_study_analyze (cs_page_study (CS_PAGE (self)), run, &error) == NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
  cs_steering_page_update (self);
}
