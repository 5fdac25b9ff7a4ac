package main

import (
	"fmt"
	"path/filepath"

	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// maxWebFileBytes is more than a web configuration or a chain of certificates needs.
const maxWebFileBytes = 1 << 20

// checkWebFiles returns an error if the exporter-toolkit would wait for ever on, or be flooded by, the web configuration
// or a file that it names. The toolkit checks everything else.
func (f *flagValues) checkWebFiles() error {
	if *f.web.WebConfigFile == "" {
		return nil
	}
	text, _, err := regularfile.Read(*f.web.WebConfigFile, maxWebFileBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name("web.config.file"), err)
	}
	var named struct {
		TLS struct {
			Certificate string `yaml:"cert_file"`
			Key         string `yaml:"key_file"`
			ClientCAs   string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if yaml.Unmarshal(text, &named) != nil {
		return nil // the toolkit says what is wrong
	}
	for _, path := range []string{named.TLS.Certificate, named.TLS.Key, named.TLS.ClientCAs} {
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(*f.web.WebConfigFile), path)
		}
		if _, _, err := regularfile.Read(path, maxWebFileBytes); err != nil {
			return fmt.Errorf("%s: %w", f.name("web.config.file"), err)
		}
	}
	return nil
}
