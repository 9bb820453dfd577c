package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// app is an application and its migrations.
type app struct {
	name, release string
	packages      []string // of PyPI
	environment   func(*job) []string
	files         map[string]string // that it needs in its folder
	spared        []string          // tables whose rows the migrations read, and which must keep only the application's rows
	first         step              // before the daemon starts
	later         []step
}

// step is a unit of migration after which the tables are compared.
type step struct {
	what     string
	commands [][]string // programs of the virtual environment
}

var apps = map[string]app{
	"airflow": {
		name: "airflow", release: "3.3.2", packages: []string{"apache-airflow==3.3.2", "psycopg2-binary==2.9.13", "asyncpg==0.32.0"},
		environment: func(j *job) []string {
			return []string{
				"AIRFLOW_HOME=" + j.dir, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=" + strings.Replace(j.stage.Source, "postgres:", "postgresql+psycopg2:", 1), "AIRFLOW__CORE__LOAD_EXAMPLES=False",
			}
		},
		spared: []string{"dag_version", "deadline", "deadline_alert", "serialized_dag", "team"},
		first:  airflow("up", "migrate"),
		later: []step{
			airflow("down to 3.0.0", "downgrade", "--to-version", "3.0.0", "-y"),
			airflow("up again", "migrate"),
			airflow("down to 3.0.0 again", "downgrade", "--to-version", "3.0.0", "-y"),
			airflow("up once more", "migrate"),
		},
	},
	"wagtail": {
		name: "wagtail", release: "8.0.1", packages: []string{"wagtail==8.0.1", "psycopg[binary]==3.3.9"},
		environment: func(j *job) []string {
			return []string{"DJANGO_SETTINGS_MODULE=site_settings", "PYTHONPATH=" + j.dir, fmt.Sprintf("PGPORT=%d", j.server.Port)}
		},
		files: map[string]string{"site_settings.py": wagtailSettings},
		spared: []string{
			"wagtailcore_grouppagepermission", "wagtailcore_groupcollectionpermission", "wagtailcore_pagerevision", "wagtailcore_revision",
			"wagtailcore_taskstate", // it refers to a revision
		},
		first: wagtail("forwards", ""),
		later: []step{
			wagtail("backwards to wagtailcore 0077", "wagtailcore 0077"),
			wagtail("forwards again", ""),
			wagtail("backwards to wagtailcore 0046", "wagtailcore 0046"),
			wagtail("forwards once more", ""),
		},
	},
}

func airflow(what string, args ...string) step {
	return step{what: "airflow " + what, commands: [][]string{append([]string{"airflow", "db"}, args...)}}
}

// wagtail migrates to one migration of one application of the site, or everything to the newest.
func wagtail(what, to string) step {
	command := []string{"django-admin", "migrate", "--no-input"}
	if to != "" {
		var application, migration string
		_, _ = fmt.Sscan(to, &application, &migration)
		command = append(command, application, migration)
	}
	return step{what: "wagtail " + what, commands: [][]string{command}}
}

const wagtailSettings = `import os
SECRET_KEY = "x"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
WAGTAIL_SITE_NAME = "site"
STATIC_URL = "/static/"
WAGTAILADMIN_BASE_URL = "http://127.0.0.1"
INSTALLED_APPS = [
    "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.contrib.search_promotions", "wagtail.contrib.settings",
    "wagtail.embeds", "wagtail.sites", "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search",
    "wagtail.admin", "wagtail", "modelcluster", "taggit", "django.contrib.auth",
    "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "app", "USER": "postgres", "HOST": "127.0.0.1", "PORT": os.environ["PGPORT"]}}
`

// install creates the virtual environment unless it exists, and writes the application's files.
func (j *job) install(ctx context.Context) error {
	for name, text := range j.files {
		if err := os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	done := filepath.Join(j.venv, "installed")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", j.venv).CombinedOutput(); err != nil {
		return fmt.Errorf("python3 -m venv: %w\n%s", err, out)
	}
	pip := exec.CommandContext(ctx, filepath.Join(j.venv, "bin", "pip"), append([]string{"install", "-q"}, j.packages...)...)
	if out, err := pip.CombinedOutput(); err != nil {
		return fmt.Errorf("pip install %v: %w\n%s", j.packages, err, out)
	}
	return os.WriteFile(done, nil, 0o600)
}
