#include "training-page.h"

#include <glib/gi18n.h>

#include "controls.h"
#include "exchange-actions.h"
#include "feedback.h"
#include "new-run-panel.h"
#include "run-row.h"
#include "training-actions.h"
#include "training-histogram.h"
#include "training-plots.h"

#define POLL_INTERVAL 200 /* ms between looks at the logs of running runs */

struct _CsTrainingPage
{
  CsPage parent;
  GtkStack *stack;
  GtkListBox *list;
  AdwBin *histogram_bin, *plots_bin;
  GtkScale *smoothing;
  CsNewRunPanel *new_run;

  GtkWidget *new_run_button;
  CsTrainingHistogram *histogram;
  CsTrainingPlots *plots;
  GActionGroup *actions;
  GtkWidget *root;       /* that the actions were given to */
  GPtrArray *series;     /* CsRunSeries, in the order of the rows */
  guint poll;            /* source id; 0 while no run is at work */
  bool stale;            /* plots are to be filled when the page is seen */
};

G_DEFINE_FINAL_TYPE (CsTrainingPage, cs_training_page, CS_TYPE_PAGE)

static CsRunRow *
row_at (CsTrainingPage *self, guint index)
{
  GtkListBoxRow *row = gtk_list_box_get_row_at_index (self->list, (int) index);

  return row != NULL ? CS_RUN_ROW (row) : NULL;
}

static bool
is_active (const CsRunSeries *series)
{
  CsJob *job = cs_run_job (series->run);

  return job != NULL && cs_job_is_active (job);
}

/* --- What is shown --- */

static void
show_view (CsTrainingPage *self, const char *name)
{
  gtk_stack_set_visible_child_name (self->stack, name);
  gtk_widget_set_visible (self->new_run_button, !g_str_equal (name, "new-run") && cs_page_study (CS_PAGE (self)) != NULL);
}

static void
show_overview (CsTrainingPage *self)
{
  show_view (self, self->series->len > 0 ? "runs" : "empty");
}

/* The percentage of the run that is at work, for the sidebar. */
static void
update_status (CsTrainingPage *self)
{
  g_autofree char *text = NULL;

  for (guint i = 0; i < self->series->len && text == NULL; i++)
    {
      const CsRunSeries *series = g_ptr_array_index (self->series, i);
      CsJobSnapshot s;

      if (!is_active (series) || cs_job_state (cs_run_job (series->run)) == CS_JOB_QUEUED)
        continue;
      cs_job_snapshot (cs_run_job (series->run), &s);
      if (s.total > 0)
        text = g_strdup_printf (_ ("%.0f %%"), 100 * s.done / s.total);
      cs_job_snapshot_clear (&s);
    }
  cs_page_set_status (CS_PAGE (self), text);
}

/* --- Following the runs --- */

static void
fill_plots (CsTrainingPage *self)
{
  cs_training_plots_set_series (self->plots, self->series);
  cs_training_histogram_sync (self->histogram);
  self->stale = false;
}

/* Takes in what was logged since the last look. */
static void
sync_runs (CsTrainingPage *self)
{
  bool seen = gtk_widget_get_mapped (GTK_WIDGET (self));

  for (guint i = 0; i < self->series->len; i++)
    {
      CsRunSeries *series = g_ptr_array_index (self->series, i);
      guint first = series->rows->len;
      CsSeriesChange change = cs_run_series_sync (series);

      if (change == CS_SERIES_REPLACED || (change == CS_SERIES_GREW && !seen))
        self->stale = true;
      else if (change == CS_SERIES_GREW && !self->stale)
        cs_training_plots_append (self->plots, i, first);
      if (seen && (change != CS_SERIES_SAME || is_active (series)) && row_at (self, i) != NULL)
        cs_run_row_update (row_at (self, i));
    }
  if (seen && self->stale)
    fill_plots (self);
  else if (seen)
    cs_training_histogram_sync (self->histogram);
  update_status (self);
}

static gboolean
poll_cb (void *data)
{
  CsTrainingPage *self = data;
  bool any = false;

  sync_runs (self);
  for (guint i = 0; i < self->series->len; i++)
    any |= is_active (g_ptr_array_index (self->series, i));
  if (any)
    return G_SOURCE_CONTINUE;
  self->poll = 0;
  return G_SOURCE_REMOVE;
}

static void
start_polling (CsTrainingPage *self)
{
  if (self->poll == 0)
    self->poll = g_timeout_add (POLL_INTERVAL, poll_cb, self);
}

static void
run_changed_cb (CsTrainingPage *self, CsRun *run)
{
  for (guint i = 0; i < self->series->len; i++)
    {
      const CsRunSeries *series = g_ptr_array_index (self->series, i);

      if (series->run == run && row_at (self, i) != NULL)
        cs_run_row_update (row_at (self, i));
    }
  start_polling (self);
  update_status (self);
}

/* --- The list of runs --- */

static void
select_run (CsTrainingPage *self, const char *name)
{
  for (guint i = 0; i < self->series->len; i++)
    {
      const CsRunSeries *series = g_ptr_array_index (self->series, i);

      if (g_str_equal (cs_run_name (series->run), name))
        gtk_list_box_select_row (self->list, GTK_LIST_BOX_ROW (row_at (self, i)));
    }
}

static void
row_selected_cb (CsTrainingPage *self, GtkListBoxRow *row)
{
  CsRunSeries *series = row != NULL ? cs_run_row_series (CS_RUN_ROW (row)) : NULL;

  cs_training_histogram_set_run (self->histogram, series != NULL ? series->run : NULL);
}

static void
draw_toggled_cb (CsTrainingPage *self, GtkCheckButton *check)
{
  GtkWidget *row = gtk_widget_get_ancestor (GTK_WIDGET (check), CS_TYPE_RUN_ROW);

  cs_run_row_series (CS_RUN_ROW (row))->shown = gtk_check_button_get_active (check);
  gtk_widget_queue_draw (row);
  cs_training_plots_update_shown (self->plots);
}

static bool
is_control (const CsRunSeries *series)
{
  return cs_control_is (cs_run_folder (series->run));
}

/* Controls are looked at when asked for, or while they run. */
static CsRunSeries *
take_series (GPtrArray *old, CsRun *run)
{
  CsRunSeries *added;

  for (guint i = 0; i < old->len; i++)
    {
      CsRunSeries *series = g_ptr_array_index (old, i);

      if (series->run == run)
        return cs_run_series_ref (series);
    }
  added = cs_run_series_new (run);
  added->shown = !is_control (added) || is_active (added);
  return added;
}

static void
remove_rows (CsTrainingPage *self)
{
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (self->list, 0)) != NULL)
    gtk_list_box_remove (self->list, GTK_WIDGET (row));
}

static void
add_run (CsTrainingPage *self, GPtrArray *old, CsRun *run)
{
  CsRunSeries *series = take_series (old, run);
  GtkWidget *row = cs_run_row_new (series, self->series->len);

  g_ptr_array_add (self->series, series);
  g_signal_handlers_disconnect_by_func (run, run_changed_cb, self);
  g_signal_connect_object (run, "changed", G_CALLBACK (run_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cs_run_row_check (CS_RUN_ROW (row)), "toggled",
                           G_CALLBACK (draw_toggled_cb), self, G_CONNECT_SWAPPED);
  gtk_list_box_append (self->list, row);
}

/* The run that is looked at: the same as before, else the one at work, else the last that is no
 * control. */
static void
choose_row (CsTrainingPage *self, CsRun *before)
{
  guint choice = self->series->len - 1;

  while (choice > 0 && is_control (g_ptr_array_index (self->series, choice)))
    choice--;
  for (guint i = self->series->len; i-- > 0;)
    if (is_active (g_ptr_array_index (self->series, i)))
      choice = i;
  for (guint i = 0; i < self->series->len; i++)
    if (((CsRunSeries *) g_ptr_array_index (self->series, i))->run == before)
      choice = i;
  gtk_list_box_select_row (self->list, GTK_LIST_BOX_ROW (row_at (self, choice)));
}

static void
rebuild (CsTrainingPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  GtkListBoxRow *selected = gtk_list_box_get_selected_row (self->list);
  g_autoptr (CsRun) before =
    selected != NULL ? g_object_ref (cs_run_row_series (CS_RUN_ROW (selected))->run) : NULL;
  g_autoptr (GPtrArray) old = g_steal_pointer (&self->series);
  guint n = study != NULL ? g_list_model_get_n_items (cs_study_runs (study)) : 0;

  self->series = g_ptr_array_new_with_free_func ((GDestroyNotify) cs_run_series_unref);
  remove_rows (self);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (cs_study_runs (study), i);
      add_run (self, old, run);
    }
  fill_plots (self);
  if (n > 0)
    choose_row (self, before);
  else
    cs_training_histogram_set_run (self->histogram, NULL);
  if (g_strcmp0 (gtk_stack_get_visible_child_name (self->stack), "new-run") != 0)
    show_overview (self);
  start_polling (self);
}

static void
runs_changed_cb (CsTrainingPage *self)
{
  rebuild (self);
}

/* --- New run --- */

static void
new_run_closed_cb (CsTrainingPage *self, const char *name)
{
  show_overview (self);
  if (name != NULL)
    select_run (self, name);
}

void
cs_training_page_open_new_run (CsTrainingPage *page, CsRun *like)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));

  if (study == NULL)
    return;
  cs_new_run_panel_open (page->new_run, study, like != NULL ? cs_run_config (like) : NULL);
  show_view (page, "new-run");
}

static void
smoothing_changed_cb (CsTrainingPage *self)
{
  cs_training_plots_set_smoothing (self->plots, gtk_range_get_value (GTK_RANGE (self->smoothing)));
}

/* --- Life --- */

static void
cs_training_page_study_changed (CsPage *page, CsStudy *old)
{
  CsTrainingPage *self = CS_TRAINING_PAGE (page);
  CsStudy *study = cs_page_study (page);

  if (old != NULL)
    g_signal_handlers_disconnect_by_data (cs_study_runs (old), self);
  for (guint i = 0; i < self->series->len; i++)
    g_signal_handlers_disconnect_by_data (
      ((CsRunSeries *) g_ptr_array_index (self->series, i))->run, self);
  if (gtk_widget_in_destruction (GTK_WIDGET (self)) || self->stack == NULL)
    return;
  cs_new_run_panel_close (self->new_run);
  gtk_stack_set_visible_child_name (self->stack, "empty");
  if (study != NULL)
    g_signal_connect_object (cs_study_runs (study), "items-changed", G_CALLBACK (runs_changed_cb), self,
                             G_CONNECT_SWAPPED);
  rebuild (self);
  update_status (self);
}

static void
cs_training_page_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (cs_training_page_parent_class)->map (widget);
  sync_runs (CS_TRAINING_PAGE (widget));
}

/* The actions belong to the window, so that the Undo of a toast finds them too. */
static void
cs_training_page_root (GtkWidget *widget)
{
  CsTrainingPage *self = CS_TRAINING_PAGE (widget);

  GTK_WIDGET_CLASS (cs_training_page_parent_class)->root (widget);
  self->root = GTK_WIDGET (gtk_widget_get_root (widget));
  gtk_widget_insert_action_group (self->root, "training", self->actions);
}

static void
cs_training_page_unroot (GtkWidget *widget)
{
  CsTrainingPage *self = CS_TRAINING_PAGE (widget);

  if (self->root != NULL)
    gtk_widget_insert_action_group (self->root, "training", NULL);
  self->root = NULL;
  GTK_WIDGET_CLASS (cs_training_page_parent_class)->unroot (widget);
}

static void
cs_training_page_dispose (GObject *object)
{
  CsTrainingPage *self = CS_TRAINING_PAGE (object);

  g_clear_handle_id (&self->poll, g_source_remove);
  g_clear_object (&self->actions);
  self->stack = NULL;
  G_OBJECT_CLASS (cs_training_page_parent_class)->dispose (object);
}

static void
cs_training_page_finalize (GObject *object)
{
  g_clear_pointer (&CS_TRAINING_PAGE (object)->series, g_ptr_array_unref);
  G_OBJECT_CLASS (cs_training_page_parent_class)->finalize (object);
}

static void
cs_training_page_class_init (CsTrainingPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_training_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_training_page_finalize;
  widget_class->map = cs_training_page_map;
  widget_class->root = cs_training_page_root;
  widget_class->unroot = cs_training_page_unroot;
  CS_PAGE_CLASS (klass)->study_changed = cs_training_page_study_changed;
  g_type_ensure (CS_TYPE_NEW_RUN_PANEL);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/crosscope/Crosscope/ui/training-page.ui");
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, stack);
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, list);
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, histogram_bin);
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, plots_bin);
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, smoothing);
  gtk_widget_class_bind_template_child (widget_class, CsTrainingPage, new_run);
  gtk_widget_class_bind_template_callback (widget_class, row_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, smoothing_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, new_run_closed_cb);
}

/* What else there is beside training a new run. */
static GMenuModel *
header_menu (void)
{
  GMenu *menu = g_menu_new ();
  g_autoptr (GMenu) pair = g_menu_new ();
  g_autoptr (GMenuModel) import = cs_exchange_import_menu ();

  g_menu_append (pair, _ ("_Baselines Without Training…"), "training.baselines");
  g_menu_append_section (menu, NULL, import);
  g_menu_append_section (menu, NULL, G_MENU_MODEL (pair));
  return G_MENU_MODEL (menu);
}

static void
cs_training_page_init (CsTrainingPage *self)
{
  g_autoptr (GMenuModel) menu = NULL;

  self->series = g_ptr_array_new_with_free_func ((GDestroyNotify) cs_run_series_unref);
  self->actions = cs_training_actions_new (self);
  self->new_run_button = adw_split_button_new ();
  adw_split_button_set_label (ADW_SPLIT_BUTTON (self->new_run_button), _ ("_New Run"));
  adw_split_button_set_use_underline (ADW_SPLIT_BUTTON (self->new_run_button), TRUE);
  menu = header_menu ();
  adw_split_button_set_menu_model (ADW_SPLIT_BUTTON (self->new_run_button), menu);
  gtk_widget_add_css_class (self->new_run_button, "suggested-action");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->new_run_button), "training.new-run");
  gtk_widget_set_visible (self->new_run_button, FALSE);
  g_object_set (self, "page-name", "training", "title", _ ("Training"), "icon-name",
                "media-playlist-repeat-symbolic", "header", self->new_run_button, NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->histogram = CS_TRAINING_HISTOGRAM (cs_training_histogram_new ());
  self->plots = CS_TRAINING_PLOTS (cs_training_plots_new ());
  adw_bin_set_child (self->histogram_bin, GTK_WIDGET (self->histogram));
  adw_bin_set_child (self->plots_bin, GTK_WIDGET (self->plots));
  cs_training_plots_set_series (self->plots, self->series);
}
