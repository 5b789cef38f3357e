"""Certificates for the peers of tests, made when they are needed."""
import subprocess


def openssl(*words, cwd, **kwargs):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True, **kwargs)


class Certificates:
    """An authority, and what it signs: made once."""

    def __init__(self, folder):
        self.folder = folder
        self.authority("ca")
        self.authority("stranger")

    def authority(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.crt", "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", cwd=self.folder)

    def made(self, name, names, by="ca", subject="/CN=relay", days=2):
        """The files of a certificate for these names ("DNS:localhost")."""
        if not (self.folder / f"{name}.crt").exists():
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                    "-out", f"{name}.csr", "-subj", subject, cwd=self.folder)
            (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n" if names else "keyUsage=digitalSignature\n")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-out",
                    f"{name}.crt", "-days", days, "-extfile", f"{name}.ext", cwd=self.folder)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def localhost(self):
        return self.made("localhost", "DNS:localhost")

    def ca_file(self, name="ca"):
        return self.folder / f"{name}.crt"
