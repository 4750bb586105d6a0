#!/bin/sh
# Makes the root file system of a Tomcat image, as the tar archive $1: Debian's Tomcat 10 with its manager, which nobody
# deploys who does not ask for it, and its JRE, from where this machine has its own packages from. Paths are those of Docker Hub's `tomcat`, so that manifests look as people's do.
set -eu
. /etc/os-release
apt=/etc/apt/sources.list
# grep fails for each kind of file that is not there, too.
sources=$(grep -ls "$VERSION_CODENAME" $apt $apt.d/*.list $apt.d/*.sources) || [ -n "$sources" ]
mkdir -p "$(dirname "$1")"

# The standalone tools stand in for systemd, which the package wants for its user and its directories.
mmdebstrap --quiet --variant=essential --format=tar --skip=output/dev \
	--include=tomcat10,tomcat10-admin,default-jre-headless,systemd-standalone-sysusers,systemd-standalone-tmpfiles \
	--customize-hook='rm -r "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*' \
	--customize-hook='mkdir -p "$1"/usr/local/tomcat/conf/Catalina/localhost' \
	--customize-hook='cd "$1"/usr/local/tomcat && mkdir webapps work temp logs && cp ../../share/tomcat10/etc/* conf' \
	--customize-hook='ln -s /usr/share/tomcat10/bin /usr/share/tomcat10/lib "$1"/usr/local/tomcat' \
	"$VERSION_CODENAME" "$1.new" $sources
mv "$1.new" "$1"
