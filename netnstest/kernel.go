package netnstest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kernel is a kernel to boot: its image and the folder of its modules, that is, what is
// /lib/modules once it runs.
type kernel struct {
	image   string
	modules string
	release string
}

// findKernel looks where doc.go says: the environment, the cache, the running system.
func findKernel() (kernel, error) {
	if dir := os.Getenv(envKernel); dir != "" {
		k, err := kernelIn(dir)
		if err != nil {
			return kernel{}, fmt.Errorf("%s: %w", envKernel, err)
		}
		return k, nil
	}
	var tried []string
	if cache, err := cacheFolder(); err == nil {
		dir := filepath.Join(cache, "kernel")
		k, err := kernelIn(dir)
		if err == nil {
			return k, nil
		}
		tried = append(tried, dir)
	}
	k, err := kernelIn("/")
	if err == nil {
		return k, nil
	}
	return kernel{}, fmt.Errorf("no kernel in %s (netnstest/setup downloads one)",
		strings.Join(append(tried, "/boot"), " or "))
}

// cacheFolder is where the set-up script leaves the kernel, and this package its own leftovers.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "bondctl", "lab"), nil
}

// kernelIn finds a kernel with its modules below dir, the last by name if there are several.
func kernelIn(dir string) (kernel, error) {
	modules := filepath.Join(dir, "lib", "modules")
	deps, err := filepath.Glob(filepath.Join(modules, "*", "modules.dep"))
	if err != nil {
		return kernel{}, err
	}
	for _, dep := range slices.Backward(deps) {
		release := filepath.Base(filepath.Dir(dep))
		for _, image := range []string{
			filepath.Join(dir, "boot", "vmlinuz-"+release),
			filepath.Join(dir, "vmlinuz"),
		} {
			if f, err := os.Open(image); err == nil {
				f.Close()
				return kernel{image: image, modules: modules, release: release}, nil
			}
		}
	}
	return kernel{}, fmt.Errorf("no readable vmlinuz with lib/modules/*/modules.dep in %s", dir)
}

// bootImage gives the file to boot: the ELF inside of image, if there is a program here to unpack it, for
// it boots directly (PVH) and saves the guest from unpacking itself, seconds under emulation. The ELF is
// kept in the cache.
func (k kernel) bootImage() (string, error) {
	info, err := os.Stat(k.image)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return k.image, nil
	}
	elf := filepath.Join(cache, fmt.Sprintf("vmlinux-%s-%x-%x", k.release, info.Size(), info.ModTime().Unix()))
	if _, err := os.Stat(elf); err == nil {
		return elf, nil
	}
	data, err := os.ReadFile(k.image)
	if err != nil {
		return "", err
	}
	payload, err := bzImagePayload(data)
	if err != nil {
		return k.image, nil
	}
	vmlinux, err := unpack(payload)
	if errors.Is(err, exec.ErrNotFound) {
		return k.image, nil
	}
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", k.image, err)
	}
	if err := writeAtomically(elf, vmlinux); err != nil {
		return "", err
	}
	return elf, nil
}

// bzImagePayload cuts the packed kernel out of an image, as the boot protocol describes it
// (Documentation/x86/boot.rst in the kernel's source).
func bzImagePayload(image []byte) ([]byte, error) {
	const (
		setupSects    = 0x1f1
		magic         = 0x202
		payloadOffset = 0x248
		payloadLength = 0x24c
		sector        = 512
		unpackedSize  = 4 // it ends with the size of what is packed
	)
	if len(image) < payloadLength+4 || string(image[magic:magic+4]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	start := (int(image[setupSects])+1)*sector + int(binary.LittleEndian.Uint32(image[payloadOffset:]))
	end := start + int(binary.LittleEndian.Uint32(image[payloadLength:])) - unpackedSize
	if start < 0 || end > len(image) || start > end {
		return nil, errors.New("bzImage with a payload out of bounds")
	}
	return image[start:end], nil
}

// unpackers are what unpacks what begins so. The standard library can't.
var unpackers = map[string]string{"\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd"}

// unpack unpacks what xz or zstd packed: Debian's kernels up to 12 and since. It fails with
// exec.ErrNotFound where no program for it is installed.
func unpack(packed []byte) ([]byte, error) {
	for magic, program := range unpackers {
		if bytes.HasPrefix(packed, []byte(magic)) {
			cmd := exec.Command(program, "--decompress", "--stdout")
			cmd.Stdin = bytes.NewReader(packed)
			return cmd.Output()
		}
	}
	return nil, fmt.Errorf("not packed as any of %v: %w", slices.Collect(maps.Values(unpackers)), exec.ErrNotFound)
}

// writeAtomically writes a file that other processes look for, so that they find all or nothing.
func writeAtomically(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
